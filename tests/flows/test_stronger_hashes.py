"""After BCRYPT_LOG_ROUNDS was raised, a sign-in stores a stronger hash of the same password.

Each step has the hash that it has read in its filter. A right password must not be refused because
another sign-in has stored the stronger hash meanwhile. A barrier, or a sign-in at the right moment,
makes sure that the steps overlap.
"""

from collections.abc import Callable
from threading import Barrier

import pytest
from flask import Flask

import app.flows.results as results_module
import app.flows.sign_in as sign_in_module
from app.flows.change_email import (
    EmailChangeAsked,
    EmailChanged,
    ask_email_change,
    confirm_email_change,
)
from app.flows.change_password import PasswordChanged, change_password
from app.flows.delete import Deleted, delete, is_deleted
from app.flows.register import Registered, register
from app.flows.results import ChangedElsewhere, Limited
from app.flows.sign_in import NoMatch, SignedIn, sign_in
from app.mongo import current_mongo, users
from app.security.signing import link_signer
from app.users.addresses import parse_address
from app.users.client import Client
from app.users.clock import utcnow
from app.users.links import Purpose
from app.users.passwords import hash_password, hash_rounds, verify_password
from app.users.user import User
from tests.parallel import in_parallel
from tests.visitor import PASSWORD, Visitor

ADA, NEW = "ada@example.com", "a quite different phrase"
OWNER = Client("192.0.2.7", "Firefox", "the browser that registered")
BEFORE, AFTER = 4, 5


@pytest.fixture
def ada(app: Flask) -> User:
    """A confirmed account whose hash has the earlier cost."""
    app.config["BCRYPT_LOG_ROUNDS"] = BEFORE
    registered = register(parse_address(ADA), PASSWORD, OWNER)
    assert isinstance(registered, Registered)
    user = registered.user
    assert users.confirm(user, user.token_version, utcnow(), OWNER)
    app.config["BCRYPT_LOG_ROUNDS"] = AFTER
    return now(user)


def now(user: User) -> User:
    """The account as it is stored now."""
    found = users.find(user.id)
    assert found
    return found


def meet_before_storing(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Makes each sign-in wait with its stronger hash until all have computed theirs."""
    barrier = Barrier(count, timeout=30)

    def hash_and_wait(password: str, rounds: int) -> str:
        stronger = hash_password(password, rounds)
        barrier.wait()
        return stronger

    monkeypatch.setattr(sign_in_module, "hash_password", hash_and_wait)


def limit_attempts(app: Flask, limit: int) -> None:
    """Sets how many passwords unknown browsers may try."""
    app.config["RATELIMIT_ACCOUNT"] = app.config["RATELIMIT_ACCOUNT"]._replace(limit=limit)


def sign_ins(app: Flask, count: int) -> list[object]:
    """The results of parallel sign-ins, each from an unknown browser."""

    def from_browser(number: int) -> Callable[[], object]:
        def step() -> object:
            with app.app_context():
                return sign_in(ADA, PASSWORD, Client(device=f"browser {number}"), remember=False)

        return step

    return in_parallel(*(from_browser(number) for number in range(count)))


@pytest.mark.parametrize("count", [2, 8])
def test_parallel_sign_ins_all_succeed_and_count_once_each(
    app: Flask, ada: User, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    limit_attempts(app, count)
    meet_before_storing(monkeypatch, count)
    results = sign_ins(app, count)
    sessions = {result.session.id for result in results if isinstance(result, SignedIn)}
    assert len(sessions) == count, results
    stored = now(ada)
    assert sessions <= {session.id for session in stored.sessions}
    assert hash_rounds(stored.password_hash) == AFTER
    assert verify_password(PASSWORD, stored.password_hash)


def test_parallel_sign_ins_do_not_exceed_the_limit(
    app: Flask, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_attempts(app, 7)
    meet_before_storing(monkeypatch, 7)
    results = sign_ins(app, 8)
    assert sorted(type(result).__name__ for result in results) == ["Limited"] + ["SignedIn"] * 7
    (limited,) = (result for result in results if isinstance(result, Limited))
    assert limited.rule == "account"


@pytest.mark.usefixtures("ada")
def test_two_browsers_can_sign_in_at_the_same_moment(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitors = Visitor(app), Visitor(app)
    meet_before_storing(monkeypatch, 2)
    answers = in_parallel(*(lambda visitor=visitor: visitor.sign_in(ADA) for visitor in visitors))
    assert [answer.location for answer in answers] == ["/", "/"]
    assert [visitor.get("/profile").status_code for visitor in visitors] == [200, 200]


def test_a_password_that_changes_during_a_sign_in_is_refused(
    app: Flask, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hash_while_the_owner_changes_it(password: str, rounds: int) -> str:
        _store_hash(ada, hash_password(NEW, rounds))
        return hash_password(password, rounds)

    monkeypatch.setattr(sign_in_module, "hash_password", hash_while_the_owner_changes_it)
    assert sign_in(ADA, PASSWORD, Client(), remember=False) == NoMatch()
    assert now(ada).sessions == ada.sessions


def _store_hash(user: User, password_hash: str) -> None:
    query = {"_id": user.id}
    current_mongo().users.update_one(query, {"$set": {"password_hash": password_hash}})


def _rehash(user: User) -> None:
    """Another browser signs in and so stores the stronger hash."""
    before = now(user).password_hash
    result = sign_in(user.email_key, PASSWORD, Client(device="another browser"), remember=False)
    assert isinstance(result, SignedIn)
    assert now(user).password_hash != before


def _new_password(user: User) -> None:
    """Another browser changes the password."""
    _store_hash(user, hash_password(NEW, AFTER))


@pytest.fixture
def run_meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Runs a step after the flow has compared the password, before its write."""

    def arrange(step: Callable[[], None]) -> None:
        pending = [step]

        def verify_then_step(password: str, password_hash: str) -> bool:
            right = verify_password(password, password_hash)
            if pending:
                pending.pop()()
            return right

        monkeypatch.setattr(results_module, "verify_password", verify_then_step)

    return arrange


RunMeanwhile = Callable[[Callable[[], None]], None]


def test_a_password_change_succeeds_after_another_browser_stored_a_stronger_hash(
    ada: User, run_meanwhile: RunMeanwhile
) -> None:
    run_meanwhile(lambda: _rehash(ada))
    result = change_password(ada, PASSWORD, NEW, OWNER, session_id="", remember=False)
    assert isinstance(result, PasswordChanged)
    assert [session.id for session in now(ada).sessions] == [result.session.id]
    assert verify_password(NEW, now(ada).password_hash)


def test_a_deletion_succeeds_after_another_browser_stored_a_stronger_hash(
    ada: User, run_meanwhile: RunMeanwhile
) -> None:
    run_meanwhile(lambda: _rehash(ada))
    assert delete(ada, PASSWORD, OWNER) == Deleted()
    assert is_deleted(ada.id)


def test_a_change_of_address_succeeds_after_another_browser_stored_a_stronger_hash(
    ada: User, run_meanwhile: RunMeanwhile
) -> None:
    run_meanwhile(lambda: _rehash(ada))
    address = parse_address("ada@new.example")
    assert ask_email_change(ada, address, PASSWORD, OWNER) == EmailChangeAsked()
    pending = now(ada).pending_email
    assert pending
    assert pending.email_key == address.key


def test_confirming_a_change_signs_in_after_another_browser_stored_a_stronger_hash(
    ada: User, run_meanwhile: RunMeanwhile
) -> None:
    assert users.ask_email_change(ada, parse_address("ada@new.example"), utcnow(), OWNER)
    pending = now(ada).pending_email
    assert pending
    token = link_signer().mint(Purpose.EMAIL_CHANGE, ada.id, pending.email_key, pending.version)
    run_meanwhile(lambda: _rehash(ada))
    result = confirm_email_change(token, None, PASSWORD, Client(device="elsewhere"))
    assert isinstance(result, EmailChanged)
    assert result.session
    assert result.session.id in {session.id for session in now(ada).sessions}


def test_flows_are_refused_after_another_browser_changed_the_password(
    ada: User, run_meanwhile: RunMeanwhile
) -> None:
    """The guard still refuses a really changed password."""
    for flow in (
        lambda: change_password(
            ada, PASSWORD, "a third fine phrase", OWNER, session_id="", remember=False
        ),
        lambda: delete(ada, PASSWORD, OWNER),
        lambda: ask_email_change(ada, parse_address("b@new.example"), PASSWORD, OWNER),
    ):
        _store_hash(ada, ada.password_hash)
        run_meanwhile(lambda: _new_password(ada))
        assert flow() == ChangedElsewhere()
        assert verify_password(NEW, now(ada).password_hash)
        assert now(ada).pending_email is None
