"""The steps of a lost second factor, on mongomock and on a real mongod."""

from datetime import timedelta

import pytest

from app.users.letters import LetterKind
from app.users.repository import UserRepository
from app.users.second_factors import Totp
from app.users.user import User
from tests.users.conftest import (
    HOME,
    NOW,
    SECOND,
    Users,
    found,
    last_event,
    letters,
    nothing_changes,
    sent,
    stored,
)

DAY = timedelta(days=1)
DELAY = 3 * DAY
READY = NOW + DELAY


@pytest.fixture
def ada(users: UserRepository, ada: User) -> User:
    """A confirmed account with an authenticator app."""
    assert users.add_totp(ada, Totp("id", "secret", NOW, last_step=1), "", NOW, HOME)
    return found(users, ada)


@pytest.fixture
def asked(users: UserRepository, ada: User) -> User:
    """The account after the first link was asked for."""
    assert users.ask_factor_reset(ada, NOW, HOME)
    return found(users, ada)


@pytest.fixture
def waiting(users: UserRepository, collection: Users, asked: User) -> User:
    """The account whose wait has begun, and whose earlier letters have left."""
    sent(collection, asked)
    version = asked.factor_reset_version
    assert users.start_factor_reset(asked, version, NOW, DELAY, HOME)
    return found(users, asked)


def test_asking_owes_the_first_link_and_makes_earlier_ones_worthless(
    users: UserRepository, collection: Users, ada: User, asked: User
) -> None:
    assert users.ask_factor_reset(asked, NOW, HOME)
    older, newer = letters(collection, ada, LetterKind.FACTOR_RESET_LINK)
    first = ada.factor_reset_version + 1
    assert (older["version"], newer["version"]) == (first, first + 1)
    assert found(users, ada).factor_reset_version == first + 1
    assert last_event(collection, ada)["kind"] == "factor_reset_asked"
    assert not users.start_factor_reset(asked, first, NOW, DELAY, HOME)
    assert users.start_factor_reset(asked, first + 1, NOW, DELAY, HOME)


@pytest.mark.parametrize("name", ["password_hash", "factors_version"])
def test_asking_is_refused_after_a_new_password_or_a_change_of_factors(
    users: UserRepository, collection: Users, ada: User, name: str
) -> None:
    changed = {"password_hash": "another", "factors_version": 9}[name]
    collection.update_one({"_id": ada.id}, {"$set": {name: changed}})
    with nothing_changes(collection):
        assert not users.ask_factor_reset(ada, NOW, HOME)


def test_a_wait_owes_a_mail_at_once_and_for_each_day_and_the_last_one(
    collection: Users, waiting: User
) -> None:
    owed = [(one["kind"], one["due_on"], one["owed_on"]) for one in letters(collection, waiting)]
    daily = [("factor_reset_waiting", NOW + day * DAY, NOW + day * DAY) for day in range(3)]
    assert owed == [*daily, ("factor_reset_ready", READY, READY)]
    assert {one["to"] for one in letters(collection, waiting)} == {waiting.email}
    assert waiting.factor_reset
    assert (waiting.factor_reset.asked_on, waiting.factor_reset.ready_on) == (NOW, READY)


def test_a_wait_shorter_than_a_day_owes_one_mail_and_the_last_one(
    users: UserRepository, collection: Users, asked: User
) -> None:
    sent(collection, asked)
    version = asked.factor_reset_version
    assert users.start_factor_reset(asked, version, NOW, timedelta(hours=2), HOME)
    kinds = [one["kind"] for one in letters(collection, asked)]
    assert kinds == ["factor_reset_waiting", "factor_reset_ready"]


def test_a_wait_cannot_be_shortened_by_asking_or_starting_again(
    users: UserRepository, collection: Users, waiting: User
) -> None:
    late, version = READY - SECOND, waiting.factor_reset_version
    with nothing_changes(collection):
        assert not users.ask_factor_reset(waiting, late, HOME)
        assert not users.start_factor_reset(waiting, version, late, SECOND, HOME)
        assert not users.start_factor_reset(waiting, version + 1, late, SECOND, HOME)
        assert not users.finish_factor_reset(waiting, late, HOME)


def test_cancelling_ends_the_wait_once_and_tells_the_owner(
    users: UserRepository, collection: Users, waiting: User
) -> None:
    assert users.keep_factors(waiting, NOW, HOME)
    assert found(users, waiting).factor_reset is None
    assert len(letters(collection, waiting, LetterKind.FACTOR_RESET_CANCELLED)) == 1
    with nothing_changes(collection):
        assert not users.keep_factors(waiting, NOW, HOME)
        assert not users.finish_factor_reset(waiting, READY, HOME)
        assert not users.start_factor_reset(waiting, waiting.factor_reset_version, NOW, DELAY, HOME)


def test_finishing_removes_every_factor_and_ends_every_session(
    users: UserRepository, collection: Users, waiting: User
) -> None:
    assert users.finish_factor_reset(waiting, READY, HOME)
    document = stored(collection, waiting)
    for name in ("totp", "passkeys", "recovery_codes", "factor_reset", "trusted_browsers"):
        assert name not in document
    assert document["sessions"] == []
    assert document["password_hash"] == waiting.password_hash
    assert len(letters(collection, waiting, LetterKind.FACTORS_REMOVED)) == 1
    with nothing_changes(collection):
        assert not users.finish_factor_reset(waiting, READY, HOME)


@pytest.mark.parametrize("name", ["password_hash", "email_key"])
def test_finishing_is_refused_after_a_new_password_or_address(
    users: UserRepository, collection: Users, waiting: User, name: str
) -> None:
    collection.update_one({"_id": waiting.id}, {"$set": {name: "another"}})
    with nothing_changes(collection):
        assert not users.finish_factor_reset(waiting, READY, HOME)


def test_a_change_of_the_factors_ends_the_wait_and_the_first_link(
    users: UserRepository, waiting: User
) -> None:
    assert users.remove_totp(waiting, NOW, HOME)
    now = found(users, waiting)
    assert now.factor_reset is None
    assert not users.start_factor_reset(now, waiting.factor_reset_version, NOW, DELAY, HOME)
