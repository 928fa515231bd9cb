"""Disowning an unconfirmed account, on mongomock and on MongoDB."""

from datetime import timedelta

from app.users.addresses import parse_address
from app.users.documents import random_id
from app.users.repository import UserRepository
from tests.users.conftest import (
    HOUR,
    NOW,
    Users,
    confirm,
    nothing_changes,
    register,
)

LATER = NOW + HOUR
NONE_AT_ALL = timedelta(0)


def test_disowning_removes_the_unconfirmed_account(
    users: UserRepository, collection: Users
) -> None:
    user, other = register(users), register(users, parse_address("bob@example.com"))
    assert users.disown(user.id, "ada@example.com", 1, NOW)
    assert users.find(user.id) is None
    assert users.find(other.id) == other
    assert not users.disown(user.id, "ada@example.com", 1, NOW)


def test_only_the_newest_link_of_an_account_can_disown_it(
    users: UserRepository, collection: Users
) -> None:
    user = register(users)
    users.resend(user, LATER, NONE_AT_ALL)
    with nothing_changes(collection):
        assert not users.disown(user.id, "ada@example.com", 1, NOW)
        assert not users.disown(user.id, "ada@example.com", 3, NOW)
        assert not users.disown(user.id, "bob@example.com", 2, NOW)
        assert not users.disown(random_id(), "ada@example.com", 2, NOW)
    assert users.disown(user.id, "ada@example.com", 2, NOW)


def test_a_confirmed_account_cannot_be_disowned(users: UserRepository, collection: Users) -> None:
    user = confirm(users, register(users))
    with nothing_changes(collection):
        assert not users.disown(user.id, "ada@example.com", 1, NOW)
