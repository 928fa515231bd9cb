"""Registering, on mongomock and on MongoDB."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.users.addresses import parse_address
from app.users.letters import LetterKind
from app.users.repository import UserRepository
from app.users.user import ConfirmMail, User
from tests.users.conftest import (
    ADA,
    HOME,
    HOUR,
    LAPTOP,
    NOW,
    PHONE,
    SECOND,
    WEEK,
    Users,
    confirm,
    found,
    letters,
    new_session,
    nothing_changes,
    register,
    sent,
    stored,
)

LATER = NOW + HOUR
NONE_AT_ALL = timedelta(0)


def test_registering_makes_an_unconfirmed_account_with_a_session(
    users: UserRepository, collection: Users
) -> None:
    session = new_session()
    user = users.register(ADA, "hash", session, WEEK)
    assert user is not None
    (letter,) = stored(collection, user)["outbox"]
    assert user == User(
        id=user.id,
        email="Ada@Example.com",
        email_key="ada@example.com",
        password_hash="hash",
        registered_on=NOW,
        token_version=1,
        confirmed=False,
        confirmed_on=None,
        admin=False,
        expires_on=NOW + WEEK,
        confirm_mail=ConfirmMail(letter["id"], asked_on=NOW),
        sessions=(session,),
        devices=(LAPTOP,),
    )
    assert found(users, user) == user


def test_registering_owes_the_confirmation_and_stores_the_event(
    users: UserRepository, collection: Users
) -> None:
    document = stored(collection, register(users))
    (letter,) = document["outbox"]
    assert (letter["kind"], letter["owed_on"], letter["due_on"]) == ("confirm", NOW, NOW)
    assert (letter["attempts"], letter["lease"]) == (0, None)
    assert document["events"] == [
        {
            "kind": "registered",
            "at": NOW,
            "by": "self",
            "address": "192.0.2.1",
            "browser": "Firefox",
        }
    ]


def test_no_link_is_stored(users: UserRepository, collection: Users) -> None:
    """A stored letter has its kind and time, not the link."""
    (letter,) = stored(collection, register(users))["outbox"]
    assert set(letter) == {
        *("id", "kind", "owed_on", "due_on", "message_id"),
        *("attempts", "lease", "trouble", "blocked"),
        *("to", "other", "version", "address", "browser"),
    }


def test_a_newer_registration_takes_over_an_unconfirmed_account(
    users: UserRepository, collection: Users
) -> None:
    """Password, sessions, link and events of the earlier registration are removed."""
    earlier = register(users, password_hash="earlier")
    old = stored(collection, earlier)
    users.refuse_sign_in(earlier.id, NOW, HOME)
    session = new_session(LATER, PHONE)
    newer = users.register(parse_address("ADA@example.com"), "newer", session, WEEK)
    assert newer is not None
    assert newer == replace(
        earlier,
        email="ADA@example.com",
        password_hash="newer",
        registered_on=LATER,
        expires_on=LATER + WEEK,
        token_version=2,
        confirm_mail=newer.confirm_mail,
        sessions=(session,),
        devices=(PHONE,),
    )
    document = stored(collection, newer)
    assert [event["at"] for event in document["events"]] == [LATER]
    overtaken, letter = document["outbox"]
    assert newer.confirm_mail == ConfirmMail(letter["id"], asked_on=LATER)
    assert overtaken == old["outbox"][0]
    assert letter["id"] != overtaken["id"]
    assert letter["message_id"] != overtaken["message_id"]
    assert users.find_by_session(earlier.id, earlier.sessions[0].id) is None
    assert collection.count_documents({}) == 1


def test_a_takeover_keeps_an_owed_reset_letter(users: UserRepository, collection: Users) -> None:
    """Otherwise a stranger could lock out the owner of the mailbox by registering repeatedly."""
    user = register(users)
    assert users.ask_reset(user.email_key, NOW, HOME)
    (reset,) = letters(collection, user, LetterKind.RESET)
    newer = register(users, now=LATER)
    assert letters(collection, user, LetterKind.RESET) == [reset]
    assert newer.reset_letter_id == reset["id"]
    assert users.reset_password(newer, 1, "owner's", LATER, HOME)


def test_a_takeover_clears_the_refusal_of_the_earlier_mail(
    users: UserRepository, collection: Users
) -> None:
    user = register(users)
    collection.update_one({"_id": user.id}, {"$set": {"confirm_mail.refused": "550 no"}})
    assert found(users, user).mail_state == "failed"
    assert register(users, now=LATER).mail_state == "queued"


def test_a_confirmed_account_cannot_be_registered(users: UserRepository, collection: Users) -> None:
    confirm(users, register(users))
    with nothing_changes(collection):
        assert users.register(ADA, "other", new_session(LATER), WEEK) is None


def test_two_addresses_are_two_accounts(users: UserRepository, collection: Users) -> None:
    ada, bob = register(users), register(users, parse_address("bob@example.com"))
    assert ada.id != bob.id
    assert bob.token_version == 1
    assert collection.count_documents({}) == 2


def test_an_account_id_does_not_show_when_the_account_was_made(users: UserRepository) -> None:
    """Otherwise the cookie would show whether the address was taken."""
    ids = [register(users, parse_address(f"{n}@example.com")).id for n in range(8)]
    assert len({id_.generation_time.year for id_ in ids}) > 1


def test_the_owner_of_a_confirmed_account_is_owed_a_letter_once_an_hour(
    users: UserRepository, collection: Users
) -> None:
    user = confirm(users, register(users))
    key = user.email_key
    assert users.owe_account_exists(key, NOW, HOUR)
    with nothing_changes(collection):
        assert not users.owe_account_exists(key, NOW, HOUR)
        assert not users.owe_account_exists(key, NOW + HOUR - SECOND, HOUR)
        assert not users.owe_account_exists(key, NOW + HOUR, HOUR), "one has not left yet"
    assert [letter["kind"] for letter in stored(collection, user)["outbox"]] == [
        LetterKind.CONFIRM,
        LetterKind.ACCOUNT_EXISTS,
    ]
    sent(collection, user)
    assert users.owe_account_exists(key, NOW + HOUR, HOUR)


def test_owing_the_account_exists_letter_changes_nothing_else(users: UserRepository) -> None:
    user = confirm(users, register(users))
    users.owe_account_exists(user.email_key, NOW, HOUR)
    assert found(users, user) == replace(user, exists_told_on=NOW)


@pytest.mark.parametrize("email_key", ["ada@example.com", "nobody@example.com"])
def test_only_a_confirmed_account_is_owed_the_account_exists_letter(
    users: UserRepository, collection: Users, email_key: str
) -> None:
    register(users)
    with nothing_changes(collection):
        assert not users.owe_account_exists(email_key, LATER, HOUR)
