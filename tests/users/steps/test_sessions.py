"""Ending and extending sessions, on mongomock and on MongoDB."""

from dataclasses import replace

from app.users.client import Client
from app.users.documents import random_id
from app.users.repository import UserRepository
from app.users.user import User
from tests.users.conftest import (
    BOB,
    HOUR,
    NOW,
    PHONE,
    Users,
    found,
    last_event,
    new_session,
    nothing_changes,
    register,
)

LATER, CAFE = NOW + HOUR, Client("192.0.2.9", "Safari")


def test_a_visit_extends_a_session(users: UserRepository) -> None:
    user, session = register(users), new_session()
    users.sign_in(user, session)
    users.touch(user.id, session.id, LATER)
    first, second = found(users, user).sessions
    assert first == user.sessions[0]
    assert second == replace(session, seen_on=LATER)


def test_a_visit_cannot_restore_an_ended_session(users: UserRepository, collection: Users) -> None:
    """Otherwise a page that is open during the sign-out could restore its session."""
    user = register(users)
    with nothing_changes(collection):
        users.touch(user.id, "unknown", LATER)
        users.touch(random_id(), user.sessions[0].id, LATER)


def test_a_session_can_be_ended_from_another_one(
    users: UserRepository, collection: Users, ada: User
) -> None:
    session = new_session(device=PHONE)
    users.sign_in(ada, session)
    both = found(users, ada)
    users.end_session(both, session.id, LATER, CAFE)
    assert users.find_by_session(ada.id, session.id) is None
    assert found(users, ada) == replace(both, sessions=ada.sessions)
    assert last_event(collection, ada) == {
        "kind": "sessions_ended",
        "at": LATER,
        "by": "self",
        "address": "192.0.2.9",
        "browser": "Safari",
    }


def test_an_unknown_session_or_one_of_another_account_cannot_be_ended(
    users: UserRepository, collection: Users, ada: User
) -> None:
    other = register(users, BOB)
    with nothing_changes(collection):
        users.end_session(ada, "unknown", LATER, CAFE)
        users.end_session(ada, other.sessions[0].id, LATER, CAFE)


def test_all_other_sessions_can_be_ended_together(
    users: UserRepository, collection: Users, ada: User
) -> None:
    other, session = register(users, BOB), new_session(device=PHONE)
    for entry in (new_session(), session, new_session()):
        users.sign_in(ada, entry)
    users.end_other_sessions(ada, session.id, LATER, CAFE)
    assert found(users, ada).sessions == (session,)
    assert found(users, other) == other
    assert last_event(collection, ada)["kind"] == "sessions_ended"
