"""Dropping an account with a mistyped address, on mongomock and on MongoDB."""

from datetime import timedelta

from app.users.repository import UserRepository
from app.users.user import User
from tests.users.conftest import (
    NOW,
    Users,
    confirm,
    found,
    register,
)

DAY = timedelta(days=1)
SIX_DAYS = timedelta(days=6)
NONE_AT_ALL = timedelta(0)


def _resend(users: UserRepository, user: User) -> User:
    assert users.resend(found(users, user), NOW, NONE_AT_ALL)
    return found(users, user)


def test_an_unconfirmed_account_can_start_over_with_its_own_session(
    users: UserRepository, collection: Users
) -> None:
    user = register(users)
    (session,) = user.sessions
    assert not users.start_over(user, "another session", NOW)
    assert users.start_over(user, session.id, NOW)
    assert collection.find_one({}) is None


def test_a_confirmed_account_cannot_start_over(users: UserRepository, collection: Users) -> None:
    user = confirm(users, register(users))
    assert not users.start_over(user, user.sessions[0].id, NOW)
    assert collection.find_one({"_id": user.id})
