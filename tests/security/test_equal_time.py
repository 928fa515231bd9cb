"""The time of an answer does not show whether an address has an account (CWE-208).

Owing a letter is a write that waits for a majority; without an account there is no write. Comparing
measured times would fail on a busy machine. Instead these tests show that each answer waits for the
rest of the same minimum time.
"""

from collections.abc import Callable

import pytest
from flask import Flask

from app.security import equal_time
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import Visitor

CONFIRMED, UNCONFIRMED, UNKNOWN = "cleo@example.com", "uma@example.com", "nina@example.com"
MINIMUM = 10.0


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(RATELIMIT_ENABLED="false", RESEND_COOLDOWN="0")


@pytest.fixture
def waits(
    app: Flask,
    new_visitor: Callable[[], Visitor],
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> list[float]:
    """The seconds that each answer waits. There is an account of each kind."""
    new_visitor().register(UNCONFIRMED)
    owner = new_visitor()
    owner.register(CONFIRMED)
    owner.submit(mailbox.newest(CONFIRMED).link)
    app.config["EQUAL_TIME"] = MINIMUM
    waited: list[float] = []
    monkeypatch.setattr(equal_time, "sleep", waited.append)
    return waited


@pytest.mark.parametrize("email", [CONFIRMED, UNCONFIRMED, UNKNOWN])
def test_registering_waits_for_the_rest_of_the_minimum_time(
    visitor: Visitor, waits: list[float], email: str
) -> None:
    visitor.register(email)
    (wait,) = waits
    assert 0 < wait < MINIMUM


@pytest.mark.parametrize("email", [CONFIRMED, UNCONFIRMED, UNKNOWN])
def test_asking_for_a_reset_waits_for_the_rest_of_the_minimum_time(
    visitor: Visitor, waits: list[float], email: str
) -> None:
    visitor.submit("/forgot", email=email)
    (wait,) = waits
    assert 0 < wait < MINIMUM


@pytest.mark.parametrize("email", [CONFIRMED, UNKNOWN])
def test_a_resend_waits_for_an_account_and_for_a_decoy(
    visitor: Visitor, waits: list[float], email: str
) -> None:
    visitor.register(email)
    waits.clear()
    visitor.submit("/resend", on="/unconfirmed")
    (wait,) = waits
    assert 0 < wait < MINIMUM


def test_a_refused_form_does_not_wait(visitor: Visitor, waits: list[float]) -> None:
    assert visitor.submit("/forgot", email="no address").status_code == 422
    assert waits == []
