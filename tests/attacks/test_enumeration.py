"""Who has an account here? Nobody is told: not by words, headers, cookies, hashes or time.

The attacks are those that OWASP's cheat sheet on authentication and the advisories on enumeration
describe (Devise's `paranoid` mode, django-allauth's `PREVENT_ENUMERATION`).
"""

import random
import re
from collections.abc import Callable
from statistics import median
from time import perf_counter

import bcrypt
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.mongo import current_mongo
from app.users.passwords import NO_PASSWORD
from tests.commands import commands
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.loud

CONFIRMED, UNCONFIRMED, RESET_ONLY = "cleo@example.com", "uma@example.com", "rosa@example.com"
NOBODY = "nina@example.com"
ALL = (CONFIRMED, UNCONFIRMED, RESET_ONLY, NOBODY)
TRIES = 30
# A hash takes 16 times as long as in the other tests, so that one too many would show.
ROUNDS = "8"

Ask = Callable[[Visitor, str], TestResponse]


@pytest.fixture
def app(make_app: MakeApp, real_uri: str) -> Flask:
    """The app on a real mongod."""
    return make_app(
        MONGODB_URI=real_uri,
        BCRYPT_LOG_ROUNDS=ROUNDS,
        RATELIMIT_ENABLED="false",
        RESEND_COOLDOWN="0",
    )


@pytest.fixture(autouse=True)
def people(app: Flask, mailbox: Mailbox) -> None:
    """One of each kind; of the third only a reset opens the account."""
    for email in (CONFIRMED, UNCONFIRMED, RESET_ONLY):
        visitor = Visitor(app)
        visitor.register(email)
        if email != UNCONFIRMED:
            visitor.submit(mailbox.newest(email).link)
    with app.app_context():
        current_mongo().users.update_one(
            {"email_key": RESET_ONLY}, {"$set": {"password_hash": NO_PASSWORD}}
        )


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that are made or checked, as they happen."""
    made: list[str] = []
    for name in ("hashpw", "checkpw"):
        real = getattr(bcrypt, name)

        def counted(*args: bytes, real: Callable[..., object] = real, name: str = name) -> object:
            made.append(name)
            return real(*args)

        monkeypatch.setattr(bcrypt, name, counted)
    return made


def sign_in(visitor: Visitor, email: str) -> TestResponse:
    return visitor.sign_in(email, "not the password")


def register(visitor: Visitor, email: str) -> TestResponse:
    return visitor.register(email)


def forgot(visitor: Visitor, email: str) -> TestResponse:
    return visitor.submit("/forgot", email=email)


ASKED = pytest.mark.parametrize(
    ("ask", "expected"),
    [(sign_in, ["checkpw"]), (register, ["hashpw"]), (forgot, [])],
    ids=["sign-in", "register", "forgot"],
)


def _seen(answer: TestResponse, visitor: Visitor, email: str) -> tuple[object, ...]:
    """All that a stranger sees, without what differs between any two visits."""
    text = re.sub(r'value="[\w.-]{60,}"', "", answer.text).replace(email, "")
    headers = {
        name: re.sub(r"=[^;]{20,}", "", value)
        for name, value in answer.headers
        if name not in {"X-Request-ID", "Date", "Content-Length"}
    }
    shape = sorted((name, type(value).__name__) for name, value in visitor.cookie().items())
    return answer.status_code, text, headers, shape


def _cookie_length(visitor: Visitor) -> int:
    cookie = visitor.client.get_cookie("session")
    return len(cookie.value) if cookie else 0


@ASKED
def test_every_answer_looks_the_same_and_costs_the_same_hashes(
    app: Flask, hashes: list[str], ask: Ask, expected: list[str]
) -> None:
    seen, lengths = {}, []
    for email in ALL:
        visitor = Visitor(app)
        hashes.clear()
        answer = ask(visitor, email)
        assert hashes == expected, email
        page = visitor.get(str(answer.location)) if answer.location else answer
        seen[email] = (_seen(answer, visitor, email), _seen(page, visitor, email))
        lengths.append(_cookie_length(visitor))
    assert len(set(map(repr, seen.values()))) == 1, seen
    assert max(lengths) - min(lengths) <= 16, "random ids compress by a few characters more or less"


@ASKED
def test_no_answer_takes_longer_than_another(app: Flask, ask: Ask, expected: list[str]) -> None:
    """Interleaved, so that whatever else the machine does weighs on all alike."""
    took: dict[str, list[float]] = {email: [] for email in ALL}
    for number in range(TRIES):
        for email in _shuffled(number):
            # Registering must not make the unknown known.
            typed = email.replace("nina", f"nina{number}") if ask is register else email
            visitor = Visitor(app)
            visitor.get("/login")
            start = perf_counter()
            ask(visitor, typed)
            took[email].append(perf_counter() - start)
    medians = {email: median(times) for email, times in took.items()}
    assert max(medians.values()) - min(medians.values()) < _one_hash() / 2, medians


def _shuffled(number: int) -> list[str]:
    """Whoever comes first, or after another, must not always be the same."""
    return random.Random(number).sample(ALL, len(ALL))  # noqa: S311 (an order, no secret)


def _one_hash() -> float:
    """Seconds, now, on this machine."""
    salt = bcrypt.gensalt(int(ROUNDS))
    times = []
    for _ in range(7):
        start = perf_counter()
        bcrypt.hashpw(b"x", salt)
        times.append(perf_counter() - start)
    return median(times)


def test_resending_is_the_same_for_a_taken_and_a_new_address(app: Flask) -> None:
    seen, took = {}, {}
    for email in (CONFIRMED, NOBODY):
        visitor = Visitor(app)
        visitor.register(email)
        times = []
        for _ in range(TRIES):
            start = perf_counter()
            answer = visitor.submit("/resend", on="/unconfirmed")
            times.append(perf_counter() - start)
            page = visitor.get(str(answer.location))
        took[email] = median(times)
        seen[email] = (_seen(answer, visitor, email)[:2], _seen(page, visitor, email)[0])
    assert seen[CONFIRMED] == seen[NOBODY]
    assert abs(took[CONFIRMED] - took[NOBODY]) < _one_hash() / 2, took


def test_a_wrong_password_costs_the_same_commands(app: Flask) -> None:
    counts = {}
    for email in ALL:
        visitor = Visitor(app)
        visitor.get("/login")
        with commands.recorded() as sent:
            sign_in(visitor, email)
        counts[email] = [next(iter(command)) for command in sent]
    assert len(set(map(tuple, counts.values()))) == 1, counts


def test_registering_a_taken_address_with_its_right_password_does_not_sign_in(app: Flask) -> None:
    """Who knows it may sign in; whoever registers with it is not told so."""
    visitor = Visitor(app)
    assert visitor.register(CONFIRMED, PASSWORD).location == "/unconfirmed"
    assert visitor.get("/profile").location == "/unconfirmed"
