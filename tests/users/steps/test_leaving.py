"""Export and deletion, the same on mongomock and on a real mongod."""

import json
from dataclasses import replace
from typing import Any

import pytest

from app.clock import EPOCH
from app.users.council import Departure
from app.users.letters import LetterKind
from app.users.outbox import Claim, Outbox
from app.users.passwords import NO_PASSWORD
from app.users.repository import UserRepository
from app.users.user import EventKind, Origin, User, random_id
from tests.users.conftest import (
    ADA,
    BOB,
    HOME,
    HOUR,
    MINUTE,
    NOW,
    PHONE,
    WEEK,
    Users,
    confirm,
    found,
    new_session,
    nothing_changes,
    register,
    stored,
)

LATER, CAFE = NOW + HOUR, Origin("192.0.2.9", "Safari")


# Export


@pytest.fixture
def busy(users: UserRepository, ada: User) -> User:
    """An account that has a bit of everything."""
    users.sign_in(ada, new_session(device=PHONE))
    users.ask_email_change(ada, BOB, NOW, HOME)
    user = found(users, ada)
    assert user.pending_email
    users.change_email(user, user.pending_email, NOW, HOME, WEEK)
    users.ask_email_change(found(users, ada), ADA, NOW, HOME)
    users.ask_reset(BOB.key, NOW, HOME)
    users.refuse_sign_in(ada.id, NOW, CAFE)
    return found(users, ada)


def test_the_export_tells_all_that_is_held(users: UserRepository, busy: User) -> None:
    data = users.export(busy, LATER, CAFE)
    assert (data["email"], data["registered_on"], data["confirmed_on"]) == (BOB.typed, NOW, NOW)
    assert data["pending_email"] == {"email": "Ada@Example.com", "asked_on": NOW}
    assert data["former_emails"] == [{"email": "Ada@Example.com", "changed_on": NOW}]
    assert (len(data["sessions"]), data["known_browsers"]) == (2, 2)
    assert data["sessions"][0]["address"] == "192.0.2.1"
    kinds = {line["kind"]: line for line in data["activity"]}
    assert set(kinds) == {
        "registered",
        "confirmed",
        "signed_in",
        "email_change_asked",
        "email_changed",
        "reset_asked",
        "sign_in_refused",
        "exported",
    }
    assert kinds["exported"]["address"] == "192.0.2.9"
    assert {letter["kind"] for letter in data["letters_on_their_way"]} >= {"reset", "email_changed"}


def test_the_export_is_noted_and_changes_nothing_else(users: UserRepository, busy: User) -> None:
    users.export(busy, LATER, CAFE)
    assert found(users, busy) == busy
    assert users.activity(busy)[0].kind == EventKind.EXPORTED


def secrets_of(document: dict[str, Any]) -> set[str]:
    """Whatever in an account opens something."""
    letters = {letter[key] for letter in document["outbox"] for key in ("id", "message_id")}
    sessions = {session["id"] for session in document["sessions"]}
    return {document["password_hash"], *sessions, *document["devices"], *letters}


def test_the_export_has_no_keys(users: UserRepository, collection: Users, busy: User) -> None:
    collection.update_one({"_id": busy.id}, {"$set": {"password_hash": "$2b$12$secret"}})
    said = json.dumps(users.export(found(users, busy), LATER, CAFE), default=str)
    hidden = secrets_of(stored(collection, busy))
    assert len(hidden) > 10
    assert not [secret for secret in hidden if secret in said]


# Deletion


def goodbye(outbox: Outbox) -> Claim:
    """The claim on the one letter that is left of an account."""
    claim = outbox.claim(LATER, MINUTE)
    assert claim is not None
    assert (claim.letter.kind, claim.letter.to) == (LetterKind.ACCOUNT_DELETED, "Ada@Example.com")
    assert not claim.overtaken
    return claim


def test_of_a_deleted_account_a_goodbye_is_left_and_nothing_of_the_person(
    users: UserRepository, collection: Users, busy: User
) -> None:
    assert Departure.DONE is users.delete(busy, LATER, CAFE)
    document = stored(collection, busy)
    (letter,) = document.pop("outbox")
    assert (letter["kind"], letter["to"]) == ("account_deleted", BOB.typed)
    expires_on = document.pop("expires_on")
    assert LATER + 72 * HOUR < expires_on <= LATER + WEEK, "after the worker gives up"
    assert document == {
        "_id": busy.id,
        "email": "",
        "email_key": f"deleted:{busy.id}",
        "password_hash": NO_PASSWORD,
        "registered_on": EPOCH,
        "confirmed": False,
        "confirmed_on": None,
        "token_version": 2,
        "admin": False,
    }


def test_a_deleted_account_is_not_found(users: UserRepository, ada: User) -> None:
    users.delete(ada, LATER, CAFE)
    assert users.find(ada.id) is None
    assert users.find_by_email(ada.email_key) is None
    assert users.find_by_session(ada.id, ada.sessions[0].id) is None


def test_no_step_reaches_a_deleted_account(
    users: UserRepository, collection: Users, busy: User
) -> None:
    pending = busy.pending_email
    assert pending
    users.delete(busy, LATER, CAFE)
    with nothing_changes(collection):
        assert not users.sign_in(busy, new_session())
        assert not users.ask_reset(busy.email_key, LATER, HOME)
        assert not users.reset_password(busy, 1, "newer", LATER, HOME)
        assert not users.change_password(busy, "newer", new_session(), LATER, HOME)
        assert not users.ask_email_change(busy, ADA, LATER, HOME)
        assert users.change_email(busy, pending, LATER, HOME, WEEK).value == "stale"
        former = busy.former_emails[0]
        assert users.undo_email_change(busy, former, LATER, HOME).value == "stale"
        users.end_session(busy, busy.sessions[0].id, LATER, HOME)
        users.touch(busy.id, busy.sessions[0].id, LATER)
        assert not users.disown(busy.id, busy.email_key, 1, NOW)
        assert Departure.CHANGED is users.delete(busy, LATER, HOME)


@pytest.mark.parametrize("kind", ["password", "gone"])
def test_a_deletion_for_what_is_no_longer_so_changes_nothing(
    users: UserRepository, collection: Users, ada: User, kind: str
) -> None:
    users.change_password(ada, "newer", new_session(), NOW, HOME)
    seen = ada if kind == "password" else replace(found(users, ada), id=random_id())
    with nothing_changes(collection):
        assert Departure.CHANGED is users.delete(seen, LATER, HOME)


def test_the_address_is_free_at_once(
    users: UserRepository, outbox: Outbox, collection: Users, ada: User
) -> None:
    users.delete(ada, LATER, CAFE)
    newcomer = register(users, now=LATER + HOUR)
    assert newcomer.id != ada.id
    assert newcomer.token_version == 1
    assert outbox.settle(goodbye(outbox), LATER)
    assert [document["_id"] for document in collection.find()] == [newcomer.id]


def test_two_accounts_can_be_deleted(users: UserRepository, ada: User) -> None:
    bob = confirm(users, register(users, BOB))
    assert Departure.DONE is users.delete(ada, LATER, CAFE)
    done = users.delete(bob, LATER, CAFE)
    assert done is Departure.DONE, "what is left of one does not stand in another's way"


@pytest.mark.parametrize("how", ["settle", "refuse"])
def test_the_rest_goes_with_the_goodbye_or_its_refusal(
    users: UserRepository, outbox: Outbox, collection: Users, ada: User, how: str
) -> None:
    users.delete(ada, LATER, CAFE)
    claim = goodbye(outbox)
    gone = outbox.settle(claim, LATER) if how == "settle" else outbox.refuse(claim, "550 no")
    assert gone
    assert collection.count_documents({}) == 0


@pytest.mark.parametrize("how", ["settle", "refuse"])
def test_a_worker_that_lost_its_lease_buries_nothing(
    users: UserRepository, outbox: Outbox, collection: Users, ada: User, how: str
) -> None:
    users.delete(ada, LATER, CAFE)
    dead = goodbye(outbox)
    assert outbox.claim(LATER + MINUTE, MINUTE)
    with nothing_changes(collection):
        assert not (outbox.settle(dead, LATER) if how == "settle" else outbox.refuse(dead, "no"))


def test_a_goodbye_that_has_to_wait_is_tried_again(
    users: UserRepository, outbox: Outbox, collection: Users, ada: User
) -> None:
    users.delete(ada, NOW, CAFE)
    assert outbox.postpone(goodbye(outbox), LATER, "451 try again")
    assert collection.count_documents({}) == 1
    assert outbox.settle(goodbye(outbox), LATER)
