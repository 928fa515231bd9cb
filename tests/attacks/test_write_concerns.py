"""The time of a write does not show who has an account (CWE-208).

A write that changes something can wait for the journal and for a majority of the servers. A write
that finds nothing never waits. The difference is milliseconds on one machine and more between
distant servers. So these tests look at the write concern of each command, not at a clock.
"""

from typing import Any

import pytest
from flask import Flask

from tests.commands import commands
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor

CONFIRMED, UNCONFIRMED, UNKNOWN = "cleo@example.com", "uma@example.com", "nina@example.com"
WRONG = "not the password"


@pytest.fixture
def app(make_app: MakeApp, real_uri: str) -> Flask:
    """The app on a real mongod, where writes wait."""
    return make_app(MONGODB_URI=real_uri)


@pytest.fixture(autouse=True)
def people(app: Flask, mailbox: Mailbox) -> None:
    """One account of each kind."""
    for email in (CONFIRMED, UNCONFIRMED):
        visitor = Visitor(app)
        visitor.register(email)
        if email == CONFIRMED:
            visitor.submit(mailbox.newest(email).link)


def _updates(app: Flask, email: str, password: str) -> list[dict[str, Any]]:
    """The updates of accounts that an attempt to sign in sends."""
    visitor = Visitor(app)
    with commands.recorded() as sent:
        visitor.sign_in(email, password)
    return [command for command in sent if command.get("update") == "users"]


@pytest.mark.parametrize("email", [CONFIRMED, UNCONFIRMED, UNKNOWN])
def test_a_refused_sign_in_writes_with_the_same_write_concern_for_every_address(
    app: Flask, email: str
) -> None:
    (update,) = _updates(app, email, WRONG)
    assert update["writeConcern"] == {"w": 1, "j": False}


def test_a_successful_sign_in_waits_for_the_journal_and_a_majority(app: Flask) -> None:
    (update,) = _updates(app, CONFIRMED, PASSWORD)
    assert update["writeConcern"] == {"w": "majority", "j": True}


def test_refused_sign_ins_are_counted_although_their_write_does_not_wait(app: Flask) -> None:
    for _ in range(3):
        Visitor(app).sign_in(CONFIRMED, WRONG)
    owner = Visitor(app)
    assert owner.sign_in(CONFIRMED).status_code == 302
    assert "3 times" in owner.get("/profile/activity").text
