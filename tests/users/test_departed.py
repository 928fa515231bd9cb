"""Accounts that are gone are remembered, without anything of the person, on either store."""

from datetime import datetime
from typing import Any

import pytest

from app.users.council import Departure
from app.users.departed import Departed
from app.users.outbox import Outbox
from app.users.repository import UserRepository
from app.users.user import User
from tests.users.conftest import (
    ADA,
    BOB,
    HOME,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    WEEK,
    Users,
    confirm,
    new_session,
    register,
    stored,
)

GONE_ON = NOW + WEEK
DAY = 24 * HOUR


@pytest.fixture
def departed(collection: Users) -> Departed:
    """The notes, none yet."""
    collection.database["departed"].delete_many({})
    return Departed(collection)


def notes(collection: Users) -> list[dict[str, Any]]:
    return list(collection.database["departed"].find())


def note(user: User, gone_on: datetime, how: str, **but: Any) -> dict[str, Any]:
    """As it is kept: nothing in it tells who that was."""
    return {
        "_id": user.id,
        "registered_on": user.registered_on,
        "confirmed_on": user.confirmed_on,
        "gone_on": gone_on,
        "how": how,
        "resends": 0,
        "refused": False,
        "sure": False,
    } | but


def keep_house(departed: Departed, now: datetime) -> None:
    """What the mail worker does once a minute."""
    departed.note_expiring(now)
    departed.review(now)


def expire(collection: Users, user: User) -> None:
    """What MongoDB does when the time is over."""
    assert collection.delete_one({"_id": user.id, "confirmed": False}).deleted_count == 1


def test_whoever_will_expire_within_a_day_is_noted_with_the_moment(
    users: UserRepository, collection: Users, departed: Departed
) -> None:
    user = register(users)
    keep_house(departed, GONE_ON - DAY - SECOND)
    assert notes(collection) == []
    for _ in range(2):
        keep_house(departed, GONE_ON - DAY)
        assert notes(collection) == [note(user, GONE_ON, "expired")]


def test_a_note_tells_how_often_a_mail_was_asked_for_and_that_it_was_refused(
    users: UserRepository, outbox: Outbox, collection: Users, departed: Departed
) -> None:
    register(users)
    user = register(users)
    users.resend(user, NOW + HOUR, MINUTE)
    while claim := outbox.claim(NOW + HOUR, MINUTE):
        _ = outbox.drop(claim) if claim.overtaken else outbox.refuse(claim, "550 ada@ is unknown")
    users.owe_reminder(GONE_ON - HOUR, DAY)
    keep_house(departed, GONE_ON - HOUR)
    expected = note(user, GONE_ON, "expired", resends=1, refused=True)
    assert notes(collection) == [expected], "a new claim is no resend"


def test_an_account_made_by_other_means_is_noted_too(
    users: UserRepository, collection: Users, departed: Departed
) -> None:
    user = register(users)
    collection.update_one(
        {"_id": user.id},
        {"$unset": {"resends": "", "confirm_mail": ""}, "$set": {"token_version": 3}},
    )
    keep_house(departed, GONE_ON)
    assert notes(collection) == [note(user, GONE_ON, "expired", resends=2)]


def test_once_it_is_gone_the_note_is_sure(
    users: UserRepository, collection: Users, departed: Departed
) -> None:
    user = register(users)
    keep_house(departed, GONE_ON - HOUR)
    keep_house(departed, GONE_ON + MINUTE)
    assert [kept["sure"] for kept in notes(collection)] == [False], "MongoDB has not come by yet"
    expire(collection, user)
    keep_house(departed, GONE_ON + 2 * MINUTE)
    assert notes(collection) == [note(user, GONE_ON, "expired", sure=True)]


@pytest.mark.parametrize("moment", [GONE_ON - HOUR, GONE_ON + SECOND])
def test_whoever_confirms_at_the_last_moment_is_not_gone(
    users: UserRepository, collection: Users, departed: Departed, moment: datetime
) -> None:
    user = register(users)
    keep_house(departed, GONE_ON - 2 * HOUR)
    confirm(users, user, moment)
    keep_house(departed, moment + SECOND)
    assert notes(collection) == []


@pytest.mark.parametrize("moment", [GONE_ON - HOUR, GONE_ON + SECOND])
def test_an_account_that_is_claimed_anew_at_the_last_moment_is_not_gone(
    users: UserRepository, collection: Users, departed: Departed, moment: datetime
) -> None:
    register(users)
    keep_house(departed, GONE_ON - 2 * HOUR)
    user = register(users, now=moment)
    keep_house(departed, moment + SECOND)
    assert notes(collection) == []
    keep_house(departed, moment + WEEK)
    assert notes(collection) == [note(user, moment + WEEK, "expired")]


def test_whoever_starts_over_is_noted(
    users: UserRepository, collection: Users, departed: Departed
) -> None:
    user = register(users)
    assert users.start_over(user, user.sessions[0].id, NOW + MINUTE)
    assert notes(collection) == [note(user, NOW + MINUTE, "started_over")]
    keep_house(departed, NOW + HOUR)
    assert notes(collection) == [note(user, NOW + MINUTE, "started_over", sure=True)]


def test_whoever_is_disowned_is_noted(
    users: UserRepository, collection: Users, departed: Departed
) -> None:
    user = register(users)
    keep_house(departed, GONE_ON - HOUR)
    moment = GONE_ON - MINUTE
    assert users.disown(user.id, user.email_key, 1, moment)
    assert notes(collection) == [note(user, moment, "disowned")], "in place of expiring"


def test_a_deleted_account_is_noted_with_when_it_had_confirmed(
    users: UserRepository, collection: Users, departed: Departed
) -> None:
    user = confirm(users, register(users), NOW + MINUTE)
    assert users.delete(user, NOW + HOUR, HOME) is Departure.DONE
    keep_house(departed, NOW + HOUR)
    expected = note(user, NOW + HOUR, "deleted", confirmed_on=NOW + MINUTE, sure=True)
    assert notes(collection) == [expected]
    keep_house(departed, NOW + WEEK)
    assert notes(collection) == [expected], "its goodbye, which expires, is no account"


def test_a_step_that_is_refused_notes_nothing(
    users: UserRepository, collection: Users, departed: Departed
) -> None:
    user = confirm(users, register(users))
    assert not users.disown(user.id, user.email_key, 1, NOW)
    assert not users.start_over(user, user.sessions[0].id, NOW)
    users.change_password(user, "newer", new_session(), NOW, HOME)
    assert users.delete(user, NOW, HOME) is Departure.CHANGED
    assert notes(collection) == []


def test_a_note_whose_step_was_cut_off_is_removed(
    users: UserRepository, collection: Users, departed: Departed
) -> None:
    user = register(users)
    departed.note({"_id": user.id}, "disowned", NOW)
    keep_house(departed, NOW + MINUTE)
    assert notes(collection) == [note(user, NOW, "disowned")], "the step may still be at it"
    keep_house(departed, NOW + MINUTE + SECOND)
    assert notes(collection) == []
    assert stored(collection, user)["email"] == ADA.typed


def test_others_are_left_alone(
    users: UserRepository, collection: Users, departed: Departed
) -> None:
    user = register(users)
    register(users, BOB, NOW + HOUR)
    assert users.start_over(user, user.sessions[0].id, NOW + 2 * HOUR)
    keep_house(departed, NOW + DAY)
    assert notes(collection) == [note(user, NOW + 2 * HOUR, "started_over", sure=True)]
    assert collection.count_documents({}) == 1
