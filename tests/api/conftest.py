"""Fixtures of the API's tests."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.api.programs import BrowserApp, Program
from tests.mailbox import Mailbox


@pytest.fixture(params=[Program, BrowserApp], ids=["token", "cookie"])
def new_program(request: pytest.FixtureRequest, app: Flask) -> Callable[[], Program]:
    """Makes programs: with a token, and in a browser with the cookie."""
    kind: type[Program] = request.param
    return lambda: kind(app)


@pytest.fixture
def program(new_program: Callable[[], Program]) -> Program:
    """A program without a session."""
    return new_program()


@pytest.fixture
def ada(program: Program, mailbox: Mailbox) -> Program:
    """A program that is signed in as ada@example.com, with a confirmed address."""
    assert program.register("ada@example.com").status_code == 201
    assert program.confirm(mailbox, "ada@example.com").status_code == 200
    return program
