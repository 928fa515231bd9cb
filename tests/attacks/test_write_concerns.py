"""Who has an account here, by the time that a write takes?

Enumeration by time (CWE-208) is about more than hashes: a write that changes something waits for
the journal and a majority of the servers, one that finds nothing waits for nobody. The difference
is measured in milliseconds on one machine and grows with the way between servers, so it is the
command that is looked at here, not a clock.
"""

from typing import Any

import pytest
from flask import Flask

from tests.commands import commands
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor

CONFIRMED, UNCONFIRMED, NOBODY = "cleo@example.com", "uma@example.com", "nina@example.com"
WRONG = "not the password"


@pytest.fixture
def app(make_app: MakeApp, real_uri: str) -> Flask:
    """The app on a real mongod: only there do writes wait."""
    return make_app(MONGODB_URI=real_uri)


@pytest.fixture(autouse=True)
def people(app: Flask, mailbox: Mailbox) -> None:
    """One of each kind."""
    for email in (CONFIRMED, UNCONFIRMED):
        visitor = Visitor(app)
        visitor.register(email)
        if email == CONFIRMED:
            visitor.submit(mailbox.newest(email).link)


def _updates(app: Flask, email: str, password: str) -> list[dict[str, Any]]:
    """What an attempt writes to accounts."""
    visitor = Visitor(app)
    with commands.recorded() as sent:
        visitor.sign_in(email, password)
    return [command for command in sent if command.get("update") == "users"]


@pytest.mark.parametrize("email", [CONFIRMED, UNCONFIRMED, NOBODY])
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
