"""Sending another confirmation mail, as a resend or as the reminder, on both stores."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.users.documents import random_id
from app.users.last_admin_guard import GuardResult
from app.users.letters import LetterKind
from app.users.outbox import Outbox
from app.users.refusals import Refusal
from app.users.repository import UserRepository
from app.users.user import ConfirmMail
from tests.users.conftest import (
    BOB,
    HOME,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    WEEK,
    Users,
    confirm,
    found,
    letters,
    new_session,
    nothing_changes,
    register,
    stored,
)

LATER = NOW + HOUR
DAY, SIX_DAYS = timedelta(days=1), timedelta(days=6)
NONE_AT_ALL = timedelta(0)


def test_a_resend_raises_the_version_and_owes_a_new_letter(
    users: UserRepository, collection: Users
) -> None:
    user = register(users)
    assert users.resend(user, NOW + MINUTE, MINUTE)
    older, newer = stored(collection, user)["outbox"]
    assert (newer["kind"], newer["due_on"]) == ("confirm", NOW + MINUTE)
    assert newer["message_id"] != older["message_id"]
    mail = ConfirmMail(newer["id"], asked_on=NOW + MINUTE)
    assert found(users, user) == replace(user, token_version=2, resends=1, confirm_mail=mail)


def test_a_resend_clears_a_refusal(users: UserRepository, collection: Users) -> None:
    user = register(users)
    collection.update_one({"_id": user.id}, {"$set": {"confirm_mail.refused": "550 no"}})
    assert users.resend(user, LATER, MINUTE)
    assert found(users, user).mail_state == "queued"


@pytest.mark.parametrize("after", [NONE_AT_ALL, MINUTE - timedelta(milliseconds=1)])
def test_a_resend_within_the_cooldown_changes_nothing(
    users: UserRepository, collection: Users, after: timedelta
) -> None:
    user = register(users)
    with nothing_changes(collection):
        assert not users.resend(user, NOW + after, MINUTE)


def test_the_cooldown_counts_from_the_newest_mail(users: UserRepository, collection: Users) -> None:
    user = register(users)
    assert users.resend(user, NOW + MINUTE, MINUTE)
    with nothing_changes(collection):
        assert not users.resend(found(users, user), NOW + MINUTE + SECOND, MINUTE)
    assert users.resend(found(users, user), NOW + 2 * MINUTE, MINUTE)


def test_without_a_cooldown_a_resend_is_possible_at_once(users: UserRepository) -> None:
    assert users.resend(register(users), NOW, NONE_AT_ALL)


def test_an_outdated_resend_changes_nothing(users: UserRepository, collection: Users) -> None:
    user = register(users)
    assert users.resend(user, NOW, NONE_AT_ALL)
    with nothing_changes(collection):
        assert not users.resend(user, LATER, NONE_AT_ALL), "the version is an older one"
        removed = replace(found(users, user), id=random_id())
        assert not users.resend(removed, LATER, NONE_AT_ALL)


def test_a_confirmed_account_gets_no_resend(users: UserRepository, collection: Users) -> None:
    user = confirm(users, register(users))
    with nothing_changes(collection):
        assert not users.resend(user, LATER, NONE_AT_ALL)


# The reminder before an unconfirmed account expires


def test_a_reminder_is_owed_once_a_day_before_the_end(
    users: UserRepository, collection: Users
) -> None:
    user = register(users)
    assert not users.owe_reminder(NOW + SIX_DAYS - timedelta(seconds=1), DAY)
    due = NOW + SIX_DAYS
    assert users.owe_reminder(due, DAY)
    assert not users.owe_reminder(due, DAY)
    assert len(letters(collection, user, LetterKind.REMINDER)) == 1
    assert found(users, user).token_version == user.token_version + 1, "a fresh link"
    assert stored(collection, user)["expires_on"] == NOW + WEEK, "and no more time"


def test_every_account_that_expires_within_a_day_is_reminded(
    users: UserRepository, collection: Users
) -> None:
    waiting = [register(users), register(users, BOB)]
    while users.owe_reminder(NOW + SIX_DAYS, DAY):
        pass
    assert all(letters(collection, user, LetterKind.REMINDER) for user in waiting)


@pytest.mark.parametrize("why", ["confirmed", "refused", "expired", "young"])
def test_no_other_account_is_reminded(
    users: UserRepository, collection: Users, outbox: Outbox, why: str
) -> None:
    user, now = register(users), NOW + SIX_DAYS
    if why == "confirmed":
        confirm(users, user)
    elif why == "refused":
        leased = outbox.lease(NOW, DAY)
        assert leased
        outbox.refuse(leased, "550 no such mailbox", NOW, Refusal.NO_SUCH_MAILBOX)
    elif why == "gone by":
        now = NOW + WEEK
    else:
        day_old = {"$set": {"expires_on": NOW + DAY}}
        collection.update_one({"_id": user.id}, day_old)
        now = NOW
    assert not users.owe_reminder(now, DAY)


def test_a_newer_registration_is_reminded_again(users: UserRepository) -> None:
    register(users)
    assert users.owe_reminder(NOW + SIX_DAYS, DAY)
    later = NOW + SIX_DAYS + timedelta(hours=1)
    assert users.register(BOB, "hash", new_session(later), WEEK)
    register(users, now=later)
    assert users.owe_reminder(later + SIX_DAYS, DAY)


def test_a_deleted_account_is_not_reminded(users: UserRepository) -> None:
    user = confirm(users, register(users))
    assert users.delete(user, NOW, HOME) is GuardResult.DONE
    assert not users.owe_reminder(NOW + timedelta(days=3, hours=1), DAY)
