"""Signing in, on mongomock and on MongoDB."""

from dataclasses import replace

import pytest

from app.users.client import Client
from app.users.documents import random_id
from app.users.events import ActivityEntry, EventKind, Tally
from app.users.letters import LetterKind
from app.users.repository import UserRepository
from app.users.user import User
from tests.users.conftest import (
    ADA,
    HOME,
    HOUR,
    LAPTOP,
    NOW,
    PHONE,
    SECOND,
    Users,
    confirm,
    found,
    letters,
    new_session,
    nothing_changes,
    register,
    stored,
)

LATER, CAFE = NOW + HOUR, Client("192.0.2.9", "Safari")


def test_signing_in_adds_a_session_and_an_event(users: UserRepository, collection: Users) -> None:
    user, session = confirm(users, register(users)), new_session(LATER)
    assert users.sign_in(user, session)
    assert found(users, user) == replace(user, sessions=(*user.sessions, session))
    assert users.find_by_session(user.id, session.id) is not None
    assert stored(collection, user)["events"][-1] == {
        "kind": "signed_in",
        "at": LATER,
        "by": "self",
        "address": "192.0.2.1",
        "browser": "Firefox",
    }


def test_an_unconfirmed_account_can_sign_in(users: UserRepository) -> None:
    user = register(users)
    assert users.sign_in(user, new_session(LATER))
    assert len(found(users, user).sessions) == 2


def test_signing_in_stores_a_stronger_hash(users: UserRepository) -> None:
    user, session = register(users), new_session(LATER)
    assert users.sign_in(user, session, "stronger")
    expected = replace(user, password_hash="stronger", sessions=(*user.sessions, session))
    assert found(users, user) == expected


def test_a_sign_in_is_refused_after_the_password_changed_meanwhile(
    users: UserRepository, collection: Users
) -> None:
    seen = register(users, password_hash="earlier")
    register(users, now=LATER, password_hash="newer")
    with nothing_changes(collection):
        assert not users.sign_in(seen, new_session(LATER))
        assert not users.sign_in(seen, new_session(LATER), "stronger earlier")


def test_a_sign_in_is_refused_after_the_account_was_removed_meanwhile(
    users: UserRepository, collection: Users
) -> None:
    user = register(users)
    users.disown(user.id, user.email_key, 1, NOW)
    assert not users.sign_in(user, new_session(LATER))
    assert collection.count_documents({}) == 0


def test_the_newest_fifty_sessions_and_events_are_kept(
    users: UserRepository, collection: Users
) -> None:
    user = register(users)
    sessions = [new_session(NOW + n * SECOND) for n in range(51)]
    for session in sessions:
        assert users.sign_in(user, session)
    assert found(users, user).sessions == tuple(sessions[1:])
    events = stored(collection, user)["events"]
    assert [event["at"] for event in events] == [session.signed_in_on for session in sessions[1:]]


def test_the_owner_is_notified_of_a_sign_in_from_an_unknown_browser(
    users: UserRepository, collection: Users, ada: User
) -> None:
    assert users.sign_in(ada, new_session(LATER, PHONE))
    (notice,) = letters(collection, ada, LetterKind.NEW_SIGN_IN)
    assert (notice["to"], notice["due_on"]) == ("Ada@Example.com", LATER)
    assert (notice["address"], notice["browser"]) == ("192.0.2.1", "Firefox")
    assert found(users, ada).devices == (LAPTOP, PHONE)


def test_the_owner_is_not_notified_of_a_sign_in_from_a_known_browser(
    users: UserRepository, collection: Users, ada: User
) -> None:
    users.sign_in(ada, new_session(LATER))
    for _time in range(2):
        users.sign_in(found(users, ada), new_session(LATER, PHONE))
    assert len(letters(collection, ada, LetterKind.NEW_SIGN_IN)) == 1
    assert found(users, ada).devices == (LAPTOP, PHONE)


def test_the_first_browser_of_an_account_sends_no_notice(
    users: UserRepository, collection: Users
) -> None:
    """The account was made at the shell, or before browsers were stored."""
    users.create_admin(ADA, "hash", NOW)
    admin = users.find_by_email(ADA.key)
    assert admin is not None
    assert users.sign_in(admin, new_session())
    assert letters(collection, admin) == []
    assert found(users, admin).devices == (LAPTOP,)


def test_an_unconfirmed_account_gets_no_notice(users: UserRepository, collection: Users) -> None:
    """The mailbox may belong to another person."""
    user = register(users)
    assert users.sign_in(user, new_session(LATER, PHONE))
    assert letters(collection, user, LetterKind.NEW_SIGN_IN) == []


def test_wrong_passwords_are_counted_with_the_newest_client(
    users: UserRepository, collection: Users, ada: User
) -> None:
    users.refuse_sign_in(ada.id, NOW, HOME)
    users.refuse_sign_in(ada.id, LATER, CAFE)
    expected = Tally(2, LATER, "192.0.2.9", "Safari")
    assert found(users, ada) == replace(ada, refusals=expected)
    assert len(stored(collection, ada)["events"]) == 2, "counted, not a line each"


@pytest.mark.usefixtures("ada")
def test_a_wrong_password_for_an_unknown_address_changes_nothing(
    users: UserRepository, collection: Users
) -> None:
    with nothing_changes(collection):
        users.refuse_sign_in(random_id(), NOW, HOME)


def test_the_next_sign_in_records_wrong_passwords_as_one_event(
    users: UserRepository, collection: Users, ada: User
) -> None:
    for _time in range(3):
        users.refuse_sign_in(ada.id, NOW, CAFE)
    users.sign_in(found(users, ada), new_session(LATER))
    assert stored(collection, ada)["events"][2:] == [
        {
            "kind": "sign_in_refused",
            "at": NOW,
            "by": "",
            "address": "192.0.2.9",
            "browser": "Safari",
            "count": 3,
        },
        {
            "kind": "signed_in",
            "at": LATER,
            "by": "self",
            "address": "192.0.2.1",
            "browser": "Firefox",
        },
    ]
    assert found(users, ada).refusals is None


def test_the_activity_lists_refused_sign_ins_and_is_newest_first(
    users: UserRepository, ada: User
) -> None:
    users.sign_in(ada, new_session(NOW + SECOND))
    users.refuse_sign_in(ada.id, LATER, CAFE)
    users.refuse_sign_in(ada.id, LATER, CAFE)
    events = users.activity(found(users, ada))
    assert [event.kind for event in events] == [
        EventKind.SIGN_IN_REFUSED,
        EventKind.SIGNED_IN,
        EventKind.CONFIRMED,
        EventKind.REGISTERED,
    ]
    refused = ActivityEntry(EventKind.SIGN_IN_REFUSED, LATER, "", "192.0.2.9", "Safari", 2)
    assert events[0] == refused


def test_a_removed_account_has_no_activity(users: UserRepository, ada: User) -> None:
    assert users.activity(replace(ada, id=random_id())) == []
