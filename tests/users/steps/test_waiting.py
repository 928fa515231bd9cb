"""Codes, reminders and starting over, the same on mongomock and on a real mongod."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.users.letters import LetterKind
from app.users.outbox import Outbox
from app.users.repository import UserRepository
from app.users.user import MAX_CODE_TRIES, MAX_CODE_TRIES_TOTAL, User
from tests.users.conftest import (
    BOB,
    HOME,
    NOW,
    WEEK,
    Users,
    confirm,
    found,
    letters,
    new_session,
    register,
    stored,
)

DAY = timedelta(days=1)
SIX_DAYS = timedelta(days=6)
NONE_AT_ALL = timedelta(0)


def _resend(users: UserRepository, user: User) -> User:
    assert users.resend(found(users, user), NOW, NONE_AT_ALL)
    return found(users, user)


# Codes


def test_five_codes_may_be_tried_then_a_new_mail_is_needed(users: UserRepository) -> None:
    user = register(users)
    taken = [users.take_code_try(user) for _try in range(MAX_CODE_TRIES + 2)]
    assert taken == [True] * MAX_CODE_TRIES + [False] * 2
    assert found(users, user).codes_left == 0
    assert _resend(users, user).codes_left == MAX_CODE_TRIES


def test_ten_codes_in_all_may_be_tried_on_an_account(users: UserRepository) -> None:
    """Not even a new claim gives more: a squatter must not guess the address confirmed."""
    user = register(users)
    for _mail in range(2):
        for _try in range(MAX_CODE_TRIES):
            assert users.take_code_try(user)
        user = _resend(users, user)
    assert user.code_tries_total == MAX_CODE_TRIES_TOTAL
    assert not users.take_code_try(user)
    assert not users.take_code_try(register(users))


def test_a_code_of_an_older_mail_is_not_even_looked_at(users: UserRepository) -> None:
    older = register(users)
    _resend(users, older)
    assert not users.take_code_try(older)


def test_a_confirmed_account_takes_no_codes(users: UserRepository) -> None:
    user = register(users)
    confirm(users, user)
    assert not users.take_code_try(user)


# Starting over


def test_a_mistyped_account_is_dropped_by_its_own_session(
    users: UserRepository, collection: Users
) -> None:
    user = register(users)
    (session,) = user.sessions
    assert not users.start_over(user, "another session", NOW)
    assert users.start_over(user, session.id, NOW)
    assert collection.find_one({}) is None


def test_a_confirmed_account_is_never_dropped_so(users: UserRepository, collection: Users) -> None:
    user = confirm(users, register(users))
    assert not users.start_over(user, user.sessions[0].id, NOW)
    assert collection.find_one({"_id": user.id})


# Reminders


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


def test_every_account_that_ends_tomorrow_is_reminded(
    users: UserRepository, collection: Users
) -> None:
    people = [register(users), register(users, BOB)]
    while users.owe_reminder(NOW + SIX_DAYS, DAY):
        pass
    assert all(letters(collection, user, LetterKind.REMINDER) for user in people)


@pytest.mark.parametrize("why", ["confirmed", "refused", "gone by", "young"])
def test_nobody_else_is_reminded(
    users: UserRepository, collection: Users, outbox: Outbox, why: str
) -> None:
    user, now = register(users), NOW + SIX_DAYS
    if why == "confirmed":
        confirm(users, user)
    elif why == "refused":
        claim = outbox.claim(NOW, DAY)
        assert claim
        outbox.refuse(claim, "550 no such mailbox")
    elif why == "gone by":
        now = NOW + WEEK
    else:
        day_old = {"$set": {"expires_on": NOW + DAY}}
        collection.update_one({"_id": user.id}, day_old)
        now = NOW
    assert not users.owe_reminder(now, DAY)


def test_a_newer_claim_is_reminded_anew(users: UserRepository) -> None:
    register(users)
    assert users.owe_reminder(NOW + SIX_DAYS, DAY)
    later = NOW + SIX_DAYS + timedelta(hours=1)
    assert users.register(BOB, "hash", new_session(later), HOME, WEEK)
    register(users, now=later)
    assert users.owe_reminder(later + SIX_DAYS, DAY)


def test_a_goodbye_is_not_reminded(users: UserRepository) -> None:
    user = confirm(users, register(users))
    assert users.delete(replace(user), NOW, HOME)
    assert not users.owe_reminder(NOW + timedelta(days=3, hours=1), DAY)
