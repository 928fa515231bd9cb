"""Records of deleted accounts have no personal data, on mongomock and on MongoDB."""

from datetime import datetime
from typing import Any

import pytest

from app.users.backends import backend_of
from app.users.deletion_records import DeletionRecords, Removal
from app.users.last_admin_guard import GuardResult
from app.users.outbox import Outbox
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
def records(collection: Users) -> DeletionRecords:
    """The records, empty."""
    collection.database["departed"].delete_many({})
    return backend_of(collection.database).deletion_records(collection)


def recorded(collection: Users) -> list[dict[str, Any]]:
    return list(collection.database["departed"].find())


def a_record(user: User, gone_on: datetime, how: str, **but: Any) -> dict[str, Any]:
    """A stored record, which has no personal data."""
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


def keep_records(records: DeletionRecords, now: datetime) -> None:
    """Updates the records, as the mail worker does once a minute."""
    records.record_expiring(now)
    records.review(now)


def expire(collection: Users, user: User) -> None:
    """Removes the account, as the TTL index does."""
    assert collection.delete_one({"_id": user.id, "confirmed": False}).deleted_count == 1


def test_an_account_that_expires_within_a_day_is_recorded_with_its_expiry(
    users: UserRepository, collection: Users, records: DeletionRecords
) -> None:
    user = register(users)
    keep_records(records, GONE_ON - DAY - SECOND)
    assert recorded(collection) == []
    for _ in range(2):
        keep_records(records, GONE_ON - DAY)
        assert recorded(collection) == [a_record(user, GONE_ON, "expired")]


def test_a_record_has_the_number_of_resends_and_whether_mail_was_refused(
    users: UserRepository, outbox: Outbox, collection: Users, records: DeletionRecords
) -> None:
    register(users)
    user = register(users)
    users.resend(user, NOW + HOUR, MINUTE)
    while leased := outbox.lease(NOW + HOUR, MINUTE):
        _ = (
            outbox.drop(leased)
            if leased.overtaken
            else outbox.refuse(leased, "550 ada@ is unknown", NOW, Refusal.NO_SUCH_MAILBOX)
        )
    users.owe_reminder(GONE_ON - HOUR, DAY)
    keep_records(records, GONE_ON - HOUR)
    expected = a_record(user, GONE_ON, "expired", resends=1, refused=True)
    assert recorded(collection) == [expected], "a new claim is no resend"


def test_an_account_that_another_tool_made_is_recorded_too(
    users: UserRepository, collection: Users, records: DeletionRecords
) -> None:
    user = register(users)
    collection.update_one(
        {"_id": user.id},
        {"$unset": {"resends": "", "confirm_mail": ""}, "$set": {"token_version": 3}},
    )
    keep_records(records, GONE_ON)
    assert recorded(collection) == [a_record(user, GONE_ON, "expired", resends=2)]


def test_a_record_becomes_sure_after_the_account_is_removed(
    users: UserRepository, collection: Users, records: DeletionRecords
) -> None:
    user = register(users)
    keep_records(records, GONE_ON - HOUR)
    keep_records(records, GONE_ON + MINUTE)
    assert [record["sure"] for record in recorded(collection)] == [False], (
        "MongoDB has not come by yet"
    )
    expire(collection, user)
    keep_records(records, GONE_ON + 2 * MINUTE)
    assert recorded(collection) == [a_record(user, GONE_ON, "expired", sure=True)]


@pytest.mark.parametrize("moment", [GONE_ON - HOUR, GONE_ON + SECOND])
def test_an_account_confirmed_at_the_last_moment_has_no_record(
    users: UserRepository, collection: Users, records: DeletionRecords, moment: datetime
) -> None:
    user = register(users)
    keep_records(records, GONE_ON - 2 * HOUR)
    confirm(users, user, moment)
    keep_records(records, moment + SECOND)
    assert recorded(collection) == []


@pytest.mark.parametrize("moment", [GONE_ON - HOUR, GONE_ON + SECOND])
def test_an_account_registered_again_at_the_last_moment_has_no_record(
    users: UserRepository, collection: Users, records: DeletionRecords, moment: datetime
) -> None:
    register(users)
    keep_records(records, GONE_ON - 2 * HOUR)
    user = register(users, now=moment)
    keep_records(records, moment + SECOND)
    assert recorded(collection) == []
    keep_records(records, moment + WEEK)
    assert recorded(collection) == [a_record(user, moment + WEEK, "expired")]


def test_an_account_that_starts_over_is_recorded(
    users: UserRepository, collection: Users, records: DeletionRecords
) -> None:
    user = register(users)
    assert users.start_over(user, user.sessions[0].id, NOW + MINUTE)
    assert recorded(collection) == [a_record(user, NOW + MINUTE, "started_over")]
    keep_records(records, NOW + HOUR)
    assert recorded(collection) == [a_record(user, NOW + MINUTE, "started_over", sure=True)]


def test_a_disowned_account_is_recorded(
    users: UserRepository, collection: Users, records: DeletionRecords
) -> None:
    user = register(users)
    keep_records(records, GONE_ON - HOUR)
    moment = GONE_ON - MINUTE
    assert users.disown(user.id, user.email_key, 1, moment)
    assert recorded(collection) == [a_record(user, moment, "disowned")], "in place of expiring"


def test_a_deleted_account_is_recorded_with_when_it_was_confirmed(
    users: UserRepository, collection: Users, records: DeletionRecords
) -> None:
    user = confirm(users, register(users), NOW + MINUTE)
    assert users.delete(user, NOW + HOUR, HOME) is GuardResult.DONE
    keep_records(records, NOW + HOUR)
    expected = a_record(user, NOW + HOUR, "deleted", confirmed_on=NOW + MINUTE, sure=True)
    assert recorded(collection) == [expected]
    keep_records(records, NOW + WEEK)
    assert recorded(collection) == [expected], (
        "the deleted document, which expires, is not recorded"
    )


def test_a_refused_step_records_nothing(
    users: UserRepository, collection: Users, records: DeletionRecords
) -> None:
    user = confirm(users, register(users))
    assert not users.disown(user.id, user.email_key, 1, NOW)
    assert not users.start_over(user, user.sessions[0].id, NOW)
    users.change_password(user, "newer", new_session(), NOW)
    assert users.delete(user, NOW, HOME) is GuardResult.CHANGED
    assert recorded(collection) == []


def test_a_record_of_an_interrupted_step_is_removed(
    users: UserRepository, collection: Users, records: DeletionRecords
) -> None:
    user = register(users)
    records.record({"_id": user.id}, Removal.DISOWNED, NOW)
    keep_records(records, NOW + MINUTE)
    assert recorded(collection) == [a_record(user, NOW, "disowned")], "the step may still be at it"
    keep_records(records, NOW + MINUTE + SECOND)
    assert recorded(collection) == []
    assert stored(collection, user)["email"] == ADA.typed


def test_records_of_removed_accounts_stay(
    users: UserRepository, collection: Users, records: DeletionRecords
) -> None:
    user = register(users)
    register(users, BOB, NOW + HOUR)
    assert users.start_over(user, user.sessions[0].id, NOW + 2 * HOUR)
    keep_records(records, NOW + DAY)
    assert recorded(collection) == [a_record(user, NOW + 2 * HOUR, "started_over", sure=True)]
    assert collection.count_documents({}) == 1
