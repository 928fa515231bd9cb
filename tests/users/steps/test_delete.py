"""Deleting an account, on mongomock and on MongoDB."""

from dataclasses import replace

import pytest

from app.users.client import Client
from app.users.clock import EPOCH
from app.users.documents import random_id
from app.users.last_admin_guard import GuardResult
from app.users.letters import LetterKind
from app.users.outbox import LeasedLetter, Outbox
from app.users.passwords import NO_PASSWORD
from app.users.refusals import Refusal
from app.users.repository import UserRepository
from app.users.user import User
from tests.users.conftest import (
    ADA,
    BOB,
    HOME,
    HOUR,
    MINUTE,
    NOW,
    WEEK,
    Users,
    confirm,
    found,
    new_session,
    nothing_changes,
    register,
    stored,
)

LATER, CAFE = NOW + HOUR, Client("192.0.2.9", "Safari")


def lease_deletion_mail(outbox: Outbox) -> LeasedLetter:
    """Leases the deletion mail, the only letter of a deleted account."""
    leased = outbox.lease(LATER, MINUTE)
    assert leased is not None
    assert (leased.letter.kind, leased.letter.to) == (LetterKind.ACCOUNT_DELETED, "Ada@Example.com")
    assert not leased.overtaken
    return leased


def test_a_deleted_account_keeps_only_its_deletion_mail(
    users: UserRepository, collection: Users, busy: User
) -> None:
    assert GuardResult.DONE is users.delete(busy, LATER, CAFE)
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


def test_no_step_changes_a_deleted_account(
    users: UserRepository, collection: Users, busy: User
) -> None:
    pending = busy.pending_email
    assert pending
    users.delete(busy, LATER, CAFE)
    with nothing_changes(collection):
        assert not users.sign_in(busy, new_session())
        assert not users.ask_reset(busy.email_key, LATER, HOME)
        assert not users.reset_password(busy, 1, "newer", LATER, HOME)
        assert not users.change_password(busy, "newer", new_session(), LATER)
        assert not users.ask_email_change(busy, ADA, LATER, HOME)
        assert users.change_email(busy, pending, LATER, HOME, WEEK).value == "stale"
        former = busy.former_emails[0]
        assert users.undo_email_change(busy, former, LATER, HOME).value == "stale"
        users.end_session(busy, busy.sessions[0].id, LATER, HOME)
        users.touch(busy.id, busy.sessions[0].id, LATER)
        assert not users.disown(busy.id, busy.email_key, 1, NOW)
        assert GuardResult.CHANGED is users.delete(busy, LATER, HOME)


@pytest.mark.parametrize("kind", ["password", "removed"])
def test_an_outdated_deletion_changes_nothing(
    users: UserRepository, collection: Users, ada: User, kind: str
) -> None:
    users.change_password(ada, "newer", new_session(), NOW)
    seen = ada if kind == "password" else replace(found(users, ada), id=random_id())
    with nothing_changes(collection):
        assert GuardResult.CHANGED is users.delete(seen, LATER, HOME)


def test_the_address_of_a_deleted_account_is_free_at_once(
    users: UserRepository, outbox: Outbox, collection: Users, ada: User
) -> None:
    users.delete(ada, LATER, CAFE)
    newcomer = register(users, now=LATER + HOUR)
    assert newcomer.id != ada.id
    assert newcomer.token_version == 1
    assert outbox.settle(lease_deletion_mail(outbox), LATER)
    assert [document["_id"] for document in collection.find()] == [newcomer.id]


def test_two_accounts_can_be_deleted(users: UserRepository, ada: User) -> None:
    bob = confirm(users, register(users, BOB))
    assert GuardResult.DONE is users.delete(ada, LATER, CAFE)
    done = users.delete(bob, LATER, CAFE)
    assert done is GuardResult.DONE, "what is left of one does not stand in another's way"


@pytest.mark.parametrize("how", ["settle", "refuse"])
def test_the_document_is_removed_when_the_deletion_mail_is_sent_or_refused(
    users: UserRepository, outbox: Outbox, collection: Users, ada: User, how: str
) -> None:
    users.delete(ada, LATER, CAFE)
    leased = lease_deletion_mail(outbox)
    gone = (
        outbox.settle(leased, LATER)
        if how == "settle"
        else outbox.refuse(leased, "550 no", NOW, Refusal.NO_SUCH_MAILBOX)
    )
    assert gone
    assert collection.count_documents({}) == 0


@pytest.mark.parametrize("how", ["settle", "refuse"])
def test_a_worker_that_lost_its_lease_removes_nothing(
    users: UserRepository, outbox: Outbox, collection: Users, ada: User, how: str
) -> None:
    users.delete(ada, LATER, CAFE)
    dead = lease_deletion_mail(outbox)
    assert outbox.lease(LATER + MINUTE, MINUTE)
    with nothing_changes(collection):
        assert not (
            outbox.settle(dead, LATER)
            if how == "settle"
            else outbox.refuse(dead, "no", NOW, Refusal.NO_SUCH_MAILBOX)
        )


def test_a_postponed_deletion_mail_is_retried(
    users: UserRepository, outbox: Outbox, collection: Users, ada: User
) -> None:
    users.delete(ada, NOW, CAFE)
    assert outbox.postpone(lease_deletion_mail(outbox), LATER, "451 try again")
    assert collection.count_documents({}) == 1
    assert outbox.settle(lease_deletion_mail(outbox), LATER)
