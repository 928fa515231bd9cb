"""Finding an account, on mongomock and on a real mongod."""

from datetime import timedelta

from app.users.addresses import parse_address
from app.users.documents import random_id
from app.users.repository import UserRepository
from tests.users.conftest import (
    HOUR,
    NOW,
    Users,
    new_session,
    register,
)

LATER = NOW + HOUR
NONE_AT_ALL = timedelta(0)


# Looking up


def test_an_account_is_found_by_id_address_and_session(users: UserRepository) -> None:
    user = register(users)
    assert users.find(user.id) == user
    assert users.find_by_email("ada@example.com") == user
    assert users.find_by_session(user.id, user.sessions[0].id) == user


def test_an_unknown_id_address_or_session_is_not_found(users: UserRepository) -> None:
    user, other = register(users), register(users, parse_address("bob@example.com"))
    assert users.find(random_id()) is None
    assert users.find_by_email("Ada@Example.com") is None, "the key is lower case"
    assert users.find_by_email("nobody@example.com") is None
    assert users.find_by_session(user.id, "") is None
    assert users.find_by_session(user.id, other.sessions[0].id) is None
    assert users.find_by_session(random_id(), user.sessions[0].id) is None


# Documents of other tools and versions


def test_a_missing_field_has_its_default_and_an_unknown_field_is_ignored(
    users: UserRepository, collection: Users
) -> None:
    _id = random_id()
    collection.insert_one(
        {
            "_id": _id,
            "email": "Old@Example.com",
            "email_key": "old@example.com",
            "password_hash": "hash",
            "registered_on": NOW,
            "confirmed": True,
            "confirmed_on": NOW,
            "token_version": 1,
            "admin": False,
            "favourite_colour": "blue",
            "sessions": [],
        }
    )
    user = users.find(_id)
    assert user is not None
    assert (user.sessions, user.confirm_mail, user.expires_on) == ((), None, None)
    assert users.sign_in(user, new_session())
    assert users.owe_account_exists("old@example.com", NOW, HOUR)
