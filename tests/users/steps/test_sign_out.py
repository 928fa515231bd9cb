"""Signing out, on mongomock and on MongoDB."""

from app.users.documents import random_id
from app.users.repository import UserRepository
from tests.users.conftest import (
    BOB,
    HOUR,
    NOW,
    Users,
    found,
    new_session,
    nothing_changes,
    register,
)

LATER = NOW + HOUR


def test_signing_out_ends_only_that_session(users: UserRepository) -> None:
    user, session = register(users), new_session(LATER)
    users.sign_in(user, session)
    users.sign_out(user.id, session.id)
    assert users.find_by_session(user.id, session.id) is None, "a copied cookie is dead"
    assert found(users, user) == user


def test_signing_out_twice_or_for_another_account_changes_nothing(
    users: UserRepository, collection: Users
) -> None:
    user, other = register(users), register(users, BOB)
    with nothing_changes(collection):
        users.sign_out(user.id, "unknown")
        users.sign_out(other.id, user.sessions[0].id)
        users.sign_out(random_id(), user.sessions[0].id)
