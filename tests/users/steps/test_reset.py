"""Choosing a new password by a mailed link, on mongomock and on MongoDB."""

from dataclasses import replace

import pytest

from app.users.client import Client
from app.users.documents import random_id
from app.users.events import ActivityEntry, Tally
from app.users.letters import LetterKind
from app.users.repository import UserRepository
from app.users.user import ResetDone, User
from tests.users.conftest import (
    BOB,
    HOME,
    HOUR,
    NOW,
    PHONE,
    WEEK,
    Users,
    ask_reset,
    found,
    last_event,
    letters,
    new_session,
    nothing_changes,
    register,
    sent,
    stored,
)

LATER, CAFE = NOW + HOUR, Client("192.0.2.9", "Safari")


def reset(users: UserRepository, user: User, version: int = 1) -> bool:
    return users.reset_password(user, version, "newer", LATER, replace(CAFE, device="owner's"))


def test_asking_for_a_reset_owes_a_letter_and_raises_the_version(
    users: UserRepository, collection: Users, ada: User
) -> None:
    assert users.ask_reset("ada@example.com", LATER, CAFE)
    (letter,) = letters(collection, ada, LetterKind.RESET)
    assert (letter["due_on"], letter["to"]) == (LATER, "")
    assert (letter["address"], letter["browser"]) == ("192.0.2.9", "Safari")
    assert found(users, ada) == replace(
        ada,
        reset_version=1,
        reset_letter_id=letter["id"],
        reset_asks=Tally(1, LATER, "192.0.2.9", "Safari"),
    )
    newest = users.activity(found(users, ada))[0]
    assert newest == ActivityEntry("reset_asked", LATER, "", "192.0.2.9", "Safari")


def test_a_second_request_adds_no_letter_while_one_is_owed(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user = ask_reset(users, ada)
    with nothing_changes(collection):
        assert not users.ask_reset(user.email_key, LATER, CAFE)


def test_a_second_request_adds_a_letter_when_the_owed_one_is_invalid(
    users: UserRepository, collection: Users, ada: User
) -> None:
    """A worker drops an invalid letter unsent."""
    user = ask_reset(users, ada)
    assert users.change_password(user, "newer", new_session(), LATER)
    user = ask_reset(users, user)
    assert letters(collection, user, LetterKind.RESET)[-1]["id"] == user.reset_letter_id


def test_repeated_requests_by_strangers_push_out_no_letters_and_events(
    users: UserRepository, collection: Users, ada: User
) -> None:
    before = stored(collection, ada)
    for _ in range(60):
        assert users.ask_reset(ada.email_key, LATER, CAFE)
        collection.update_one({"_id": ada.id}, {"$pull": {"outbox": {"kind": LetterKind.RESET}}})
    after = stored(collection, ada)
    assert (after["events"], after["outbox"]) == (before["events"], before["outbox"])
    asked = users.activity(found(users, ada))[0]
    assert (asked.kind, asked.count) == ("reset_asked", 60)


def test_the_next_sign_in_records_the_number_of_reset_requests(
    users: UserRepository, ada: User
) -> None:
    users.ask_reset(ada.email_key, NOW, CAFE)
    assert users.sign_in(found(users, ada), new_session(LATER))
    user = found(users, ada)
    assert user.reset_asks is None
    assert [event.kind for event in users.activity(user)][:2] == ["signed_in", "reset_asked"]


def test_a_newer_reset_letter_replaces_the_older(
    users: UserRepository, collection: Users, ada: User
) -> None:
    first = ask_reset(users, ada)
    sent(collection, first)
    user = ask_reset(users, first)
    (newer,) = letters(collection, user, LetterKind.RESET)
    assert user.reset_version == 2
    assert user.reset_letter_id == newer["id"] != first.reset_letter_id


def test_a_reset_request_changes_nothing_on_an_unconfirmed_account(users: UserRepository) -> None:
    user = register(users)
    fresh = ask_reset(users, user)
    assert fresh == replace(
        user,
        reset_version=1,
        reset_letter_id=fresh.reset_letter_id,
        reset_asks=fresh.reset_asks,
    )


@pytest.mark.usefixtures("ada")
def test_an_address_without_an_account_is_owed_nothing(
    users: UserRepository, collection: Users
) -> None:
    with nothing_changes(collection):
        assert not users.ask_reset("nobody@example.com", LATER, HOME)


def test_a_reset_sets_the_password_ends_every_session_and_cancels_pending_changes(
    users: UserRepository, collection: Users, ada: User
) -> None:
    users.sign_in(ada, new_session(device=PHONE))
    users.refuse_sign_in(ada.id, NOW, CAFE)
    users.ask_email_change(ada, BOB, NOW, HOME)
    user = ask_reset(users, ada)
    assert user.sessions
    assert user.pending_email
    assert user.refusals
    assert reset(users, user)
    assert found(users, user) == replace(
        user,
        factor_reset_version=1,
        password_hash="newer",
        sessions=(),
        devices=("owner's",),
        reset_letter_id=None,
        reset_done=ResetDone(1, ""),
        pending_email=None,
        refusals=None,
        reset_asks=None,
    )
    (notice,) = letters(collection, user, LetterKind.PASSWORD_RESET)
    assert (notice["to"], notice["address"]) == ("Ada@Example.com", "192.0.2.9")
    assert last_event(collection, user)["kind"] == "password_reset"


def test_a_reset_confirms_an_unconfirmed_account_and_removes_its_known_browsers(
    users: UserRepository, collection: Users
) -> None:
    user = ask_reset(users, register(users))
    assert reset(users, user)
    fresh = found(users, user)
    assert (fresh.confirmed, fresh.confirmed_on) == (True, LATER)
    assert (fresh.password_hash, fresh.sessions, fresh.devices) == ("newer", (), ("owner's",))
    document = stored(collection, user)
    assert "expires_on" not in document, "or the TTL index would delete it"
    kinds = [event["kind"] for event in document["events"]]
    assert kinds == ["registered", "reset_asked", "password_reset", "confirmed"]
    with nothing_changes(collection):
        assert not users.confirm(user, user.token_version, LATER, HOME), "the other link is dead"
        assert not users.disown(user.id, user.email_key, user.token_version, NOW)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_only_the_newest_link_resets(
    users: UserRepository, collection: Users, ada: User, version: int
) -> None:
    first = ask_reset(users, ada)
    sent(collection, first)
    user = ask_reset(users, first)
    with nothing_changes(collection):
        assert not reset(users, user, version)
    assert reset(users, user, 2)


def test_a_reset_link_works_once(users: UserRepository, collection: Users, ada: User) -> None:
    user = ask_reset(users, ada)
    assert reset(users, user)
    with nothing_changes(collection):
        assert not reset(users, user)
        assert not reset(users, found(users, user))


def test_without_a_reset_letter_no_reset_is_possible(
    users: UserRepository, collection: Users, ada: User
) -> None:
    with nothing_changes(collection):
        assert not reset(users, ada, 0)


def test_a_password_change_invalidates_a_reset_link(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user = ask_reset(users, ada)
    assert users.change_password(user, "other", new_session(), NOW)
    with nothing_changes(collection):
        assert not reset(users, user)
        assert not reset(users, found(users, user))


def test_a_change_of_address_invalidates_a_reset_link(
    users: UserRepository, collection: Users, ada: User
) -> None:
    users.ask_email_change(ada, BOB, NOW, HOME)
    user = ask_reset(users, ada)
    assert user.pending_email
    users.change_email(user, user.pending_email, NOW, HOME, WEEK)
    with nothing_changes(collection):
        assert not reset(users, user), "it was mailed to the old address"
        assert not reset(users, found(users, user))


def test_a_reset_changes_nothing_after_the_account_was_confirmed_or_removed_meanwhile(
    users: UserRepository, collection: Users
) -> None:
    user = ask_reset(users, register(users))
    users.confirm(user, 1, NOW, HOME)
    with nothing_changes(collection):
        assert not reset(users, user), "else the day it was confirmed on would change"
        assert not reset(users, replace(found(users, user), id=random_id()))
    assert reset(users, found(users, user)), "the link still works"
