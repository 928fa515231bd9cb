"""No answer shows whether an address has an account: not its text, headers, cookies or work.

The attacks are those of OWASP's cheat sheet on authentication and of the advisories on enumeration
(Devise's `paranoid` mode, django-allauth's `PREVENT_ENUMERATION`). A clock would measure the
machine, so these tests count the work behind an answer: bcrypt hashes with their cost, and commands
to MongoDB. tests/attacks/test_write_concerns.py looks at what a write waits for.
"""

import re
from collections.abc import Callable
from functools import partial

import bcrypt
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.mongo import current_mongo
from app.users.passwords import NO_PASSWORD, hash_rounds
from tests.commands import commands
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.planted_factors import plant_app, plant_codes, plant_passkey
from tests.visitor import PASSWORD, Visitor

CONFIRMED, UNCONFIRMED, RESET_ONLY = "cleo@example.com", "uma@example.com", "rosa@example.com"
GUARDED = "gina@example.com"
UNKNOWN = "nina@example.com"
ALL = (CONFIRMED, UNCONFIRMED, RESET_ONLY, GUARDED, UNKNOWN)
# Not 12, the cost of the hash that an account has after an undo.
ROUNDS = 5

Ask = Callable[[Visitor, str], TestResponse]


@pytest.fixture
def app(make_app: MakeApp, real_uri: str) -> Flask:
    """The app on a real mongod."""
    return make_app(
        MONGODB_URI=real_uri,
        BCRYPT_LOG_ROUNDS=str(ROUNDS),
        RATELIMIT_ENABLED="false",
        RESEND_COOLDOWN="0",
    )


@pytest.fixture(autouse=True)
def accounts(app: Flask, mailbox: Mailbox) -> None:
    """One account of each kind; only a reset opens the third, and the last has second factors."""
    for email in (CONFIRMED, UNCONFIRMED, RESET_ONLY, GUARDED):
        visitor = Visitor(app)
        visitor.register(email)
        if email != UNCONFIRMED:
            visitor.submit(mailbox.newest(email).link)
    with app.app_context():
        current_mongo().users.update_one(
            {"email_key": RESET_ONLY}, {"$set": {"password_hash": NO_PASSWORD}}
        )
    plant_app(app, GUARDED)
    plant_passkey(app, GUARDED)
    plant_codes(app, GUARDED)
    mailbox.all()  # the letters about that have left


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Each hash that bcrypt computes, with its cost."""
    computed: list[tuple[str, int]] = []
    for name in ("hashpw", "checkpw"):
        real = getattr(bcrypt, name)

        def counted(
            digest: bytes,
            salt_or_hash: bytes,
            real: Callable[[bytes, bytes], object] = real,
            name: str = name,
        ) -> object:
            computed.append((name, hash_rounds(salt_or_hash.decode())))
            return real(digest, salt_or_hash)

        monkeypatch.setattr(bcrypt, name, counted)
    return computed


def sign_in(visitor: Visitor, email: str) -> TestResponse:
    return visitor.sign_in(email, "not the password")


def register(visitor: Visitor, email: str) -> TestResponse:
    return visitor.register(email)


def forgot(visitor: Visitor, email: str) -> TestResponse:
    return visitor.submit("/forgot", email=email)


def _seen(answer: TestResponse, visitor: Visitor, email: str) -> tuple[object, ...]:
    """Everything that a stranger sees, without what differs between any two visits."""
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


def _commands(ask: Callable[[], TestResponse]) -> list[tuple[str, object]]:
    """The name and the collection of each command that a request sends to MongoDB. Decoys have a
    collection of their own, in which a command does the same work."""
    with commands.recorded() as sent:
        ask()
    named = [next(iter(command.items())) for command in sent]
    return [(name, "users" if where == "decoys" else where) for name, where in named]


@pytest.mark.parametrize(
    ("ask", "expected"),
    [(sign_in, [("checkpw", ROUNDS)]), (register, [("hashpw", ROUNDS)]), (forgot, [])],
    ids=["sign-in", "register", "forgot"],
)
def test_every_answer_looks_the_same_and_computes_the_same_hashes(
    app: Flask, hashes: list[tuple[str, int]], ask: Ask, expected: list[tuple[str, int]]
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
    assert max(lengths) - min(lengths) <= 16, "random ids compress to slightly different lengths"


@pytest.mark.parametrize("ask", [sign_in, forgot], ids=["sign-in", "forgot"])
def test_every_answer_sends_the_same_commands(app: Flask, ask: Ask) -> None:
    sent = {}
    for email in ALL:
        visitor = Visitor(app)
        sent[email] = _commands(partial(ask, visitor, email))
    assert sent[UNKNOWN]
    assert [sent[email] for email in ALL] == [sent[UNKNOWN]] * len(ALL), sent


def test_resending_is_the_same_for_a_taken_and_a_new_address(app: Flask) -> None:
    seen, sent = {}, {}
    for email in (CONFIRMED, UNKNOWN):
        visitor = Visitor(app)
        visitor.register(email)
        form = visitor.fill("/resend", on="/unconfirmed")
        sent[email] = _commands(partial(visitor.client.post, "/resend", data=form))
        answer = visitor.submit("/resend", on="/unconfirmed")
        page = visitor.get(str(answer.location))
        seen[email] = (_seen(answer, visitor, email)[:2], _seen(page, visitor, email)[0])
    assert seen[CONFIRMED] == seen[UNKNOWN]
    assert sent[CONFIRMED] == sent[UNKNOWN]
    assert sent[UNKNOWN]


def test_registering_a_taken_address_with_its_right_password_does_not_sign_in(app: Flask) -> None:
    visitor = Visitor(app)
    assert visitor.register(CONFIRMED, PASSWORD).location == "/unconfirmed"
    assert visitor.get("/profile").location == "/unconfirmed"


def _links_of_a_stranger(app: Flask, mailbox: Mailbox) -> dict[str, str]:
    """Links that a person gets for accounts of their own, and damaged ones."""
    waiting, owner = Visitor(app), Visitor(app)
    waiting.register("mallory@example.com")
    unused = mailbox.newest("mallory@example.com").link
    owner.register("mal@example.com")
    used = mailbox.newest("mal@example.com").link
    owner.submit(used)
    owner.submit("/profile/email", email="mel@example.com", current_password=PASSWORD)
    change = mailbox.newest("mel@example.com").link
    damaged = ("/confirm/x", "/reset/x", "/email/confirm/x", "/email/undo/x", "/factors/keep/x")
    return {"unused": unused, "used": used, "change": change} | {one: one for one in damaged}


def test_links_of_own_accounts_do_not_show_whether_an_address_is_taken(
    app: Flask, mailbox: Mailbox
) -> None:
    """A decoy must be seen as another account, as a new account is."""
    links = _links_of_a_stranger(app, mailbox)
    seen: dict[tuple[str, str], list[object]] = {}
    for email in (CONFIRMED, UNKNOWN):
        visitor = Visitor(app)
        visitor.register(email)
        for name, link in links.items():
            for method in ("GET", "POST"):
                data = visitor.fill("/logout", on="/unconfirmed") | {"password": "a wrong one"}
                answer = visitor.client.open(link, method=method, data=data)
                seen.setdefault((name, method), []).append(_seen(answer, visitor, email)[:2])
    for where, (taken, new) in seen.items():
        assert taken == new, where


def test_a_visitor_whose_claim_was_taken_over_is_not_the_owner_of_the_link(
    app: Flask, mailbox: Mailbox
) -> None:
    """The cookie of the earlier claim still has the account's id."""
    earlier, owner = Visitor(app), Visitor(app)
    earlier.register(UNKNOWN, "the password of the earlier claim")
    owner.register(UNKNOWN)
    link = mailbox.newest(UNKNOWN).link
    assert "password" in earlier.page(link).text
    for fields in ({}, {"password": "the password of the earlier claim"}):
        assert earlier.forge(link, fields).status_code in {200, 422}
    assert owner.get("/profile").location == "/unconfirmed"
