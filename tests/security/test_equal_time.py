"""The time of an answer does not tell whether an address has an account (CWE-208).

This is about pages where no hash hides the difference: owing a letter is a write that waits for a
majority, and without an account there is no write. Comparing two measured times would fail on a
busy machine. Instead: every answer takes the minimum time, and the write is over well before it.
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter

import pytest
from flask import Flask

from app.mongo import current_mongo, users
from app.security import equal_time
from app.users.client import Client
from app.users.clock import utcnow
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import Visitor

pytestmark = pytest.mark.loud

CONFIRMED, UNCONFIRMED, NOBODY = "cleo@example.com", "uma@example.com", "nina@example.com"
TRIES = 15


@pytest.fixture
def app(make_app: MakeApp, real_uri: str) -> Flask:
    """The app on a real mongod, where the writes differ."""
    return make_app(MONGODB_URI=real_uri, RATELIMIT_ENABLED="false", RESEND_COOLDOWN="0")


@pytest.fixture(autouse=True)
def people(app: Flask, mailbox: Mailbox) -> None:
    """One of each kind."""
    for email in (CONFIRMED, UNCONFIRMED):
        visitor = Visitor(app)
        visitor.register(email)
        if email == CONFIRMED:
            visitor.submit(mailbox.newest(email).link)


def _seconds(ask: Callable[[], object]) -> float:
    start = perf_counter()
    ask()
    return perf_counter() - start


@pytest.mark.parametrize("email", [CONFIRMED, UNCONFIRMED, NOBODY])
def test_asking_for_a_reset_takes_the_minimum_time_with_and_without_an_account(
    app: Flask, email: str
) -> None:
    visitor = Visitor(app)
    fields = {"csrf_token": _token(visitor), "email": email}
    took = _seconds(lambda: visitor.client.post("/forgot", data=fields))
    assert took >= equal_time.MINIMUM


@pytest.mark.parametrize("email", [CONFIRMED, NOBODY])
def test_a_resend_takes_the_minimum_time_for_a_decoy_too(app: Flask, email: str) -> None:
    visitor = Visitor(app)
    visitor.register(email)
    fields = {"csrf_token": _token(visitor)}
    took = _seconds(lambda: visitor.client.post("/resend", data=fields))
    assert took >= equal_time.MINIMUM


def test_owing_a_letter_is_over_well_before_the_minimum_time(app: Flask) -> None:
    took = []
    with app.app_context():
        for _ in range(TRIES):
            # As if the mail had left: one that is on its way is enough.
            current_mongo().users.update_many({}, {"$set": {"outbox": []}})
            took.append(_seconds(lambda: users.ask_reset(CONFIRMED, utcnow(), Client())))
        (account,) = current_mongo().users.find({"email_key": CONFIRMED})
    assert account["reset_version"] >= TRIES
    assert median(took) < equal_time.MINIMUM / 2


def test_a_refused_form_holds_nobody_up(app: Flask) -> None:
    visitor = Visitor(app)
    fields = {"csrf_token": _token(visitor), "email": "no address"}
    fastest = min(_seconds(lambda: visitor.client.post("/forgot", data=fields)) for _ in range(10))
    assert fastest < equal_time.MINIMUM


def _token(visitor: Visitor) -> str:
    found = visitor.page("/forgot").find("input", attrs={"name": "csrf_token"})
    assert found is not None
    return str(found["value"])
