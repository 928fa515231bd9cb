"""Deletion records: what is kept of deleted accounts, without personal data.

A record in the collection `departed` has the account's random id, `registered_on`, `confirmed_on`
(or None), `gone_on`, `how` it was deleted, the number of `resends`, whether its mail was `refused`,
and `sure`: a later check found no account. There is no address and no name. Records are kept
forever: without them the share of confirmed accounts in the funnel would look too high.

MongoDB deletes expired accounts itself and runs no code of ours. So they are recorded up to a day
before, with the time at which they expire. A step that deletes an account records it first. If it
crashes after that, or its guard fails, there is a record of an account that exists; `review`
removes it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from pymongo.collection import Collection

from app.users.documents import Document

_EXPIRE_AHEAD = timedelta(days=1)
STEP_TAKES = timedelta(minutes=1)
"""More than the longest time between the record and the deletion of a step."""


class Removal(StrEnum):
    """How an account was deleted."""

    EXPIRED = "expired"
    DISOWNED = "disowned"
    STARTED_OVER = "started_over"
    DELETED = "deleted"
    GAVE_WAY = "gave_way"
    """It was unconfirmed, and somebody else proved the address by a change of address."""


class DeletionRecords:
    """The collection `departed`.

    Args:
        users: the accounts; the records are in the same database.
    """

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users

    @property
    def _records(self) -> Collection[Document]:
        return self._users.database["departed"]

    def record(self, guard: Document, how: Removal, now: datetime) -> None:
        """Records the account that a step is about to delete, if its guard holds.

        Not with `$merge`: the driver does not retry that after a broken connection.
        """
        account = self._users.find_one(guard, COUNTED)
        if account:
            record = record_of(account, how, now)
            self._records.replace_one({"_id": account["_id"]}, record, upsert=True)

    def record_expiring(self, now: datetime) -> None:
        """Records every account that MongoDB will delete within a day; can be repeated safely."""
        soon = expiring(now)
        recorded = {
            "registered_on": 1,
            "confirmed_on": 1,
            "gone_on": "$expires_on",
            "how": {"$literal": Removal.EXPIRED.value},
            "resends": {"$ifNull": ["$resends", {"$subtract": ["$token_version", 1]}]},
            "refused": {"$gt": ["$confirm_mail.refused", None]},
            "sure": {"$literal": False},
        }
        merge = {"into": self._records.name, "whenMatched": "replace"}
        self._users.aggregate([{"$match": soon}, {"$project": recorded}, {"$merge": merge}])

    def review(self, now: datetime) -> None:
        """Removes records of accounts that still exist, and marks the others as `sure`."""
        account = {
            "from": self._users.name,
            "localField": "_id",
            "foreignField": "_id",
            "pipeline": [
                {"$match": {"email": {"$ne": ""}}},
                {"$project": {"confirmed": 1, "expires_on": 1}},
            ],
            "as": "account",
        }
        self._records.aggregate(
            [
                {"$match": {"sure": False}},
                {"$lookup": account},
                {"$set": {"account": {"$first": "$account"}}},
                {"$project": {"gone_on": 1, "exists": _still_exists(now), "sure": _is_gone(now)}},
                {"$match": {"$or": [{"exists": True}, {"sure": True}]}},
                {
                    "$merge": {
                        "into": self._records.name,
                        "whenMatched": _REVIEWED,
                        "whenNotMatched": "discard",
                    }
                },
            ]
        )
        self._records.delete_many({"sure": False, "gone_on": None})


# The fields that a record is made from.
COUNTED = (
    "registered_on",
    "confirmed_on",
    "expires_on",
    "resends",
    "token_version",
    "confirm_mail.refused",
)


def expiring(now: datetime) -> Document:
    """The accounts that expire within a day. Deleted accounts that still owe a goodbye letter are
    left out: they have a record already."""
    return {
        "expires_on": {"$lte": now + _EXPIRE_AHEAD},
        "confirmed": False,
        "email": {"$ne": ""},
    }


def record_of(account: Document, how: Removal, gone_on: datetime) -> Document:
    """The record of an account."""
    mail = account.get("confirm_mail") or {}
    return {
        "registered_on": account["registered_on"],
        "confirmed_on": account["confirmed_on"],
        "gone_on": gone_on,
        "how": how.value,
        "resends": account.get("resends", account["token_version"] - 1),
        "refused": bool(mail.get("refused")),
        "sure": False,
    }


def _still_exists(now: datetime) -> Document:
    """Whether a recorded account exists after all: it did not expire, or its step did not delete
    it."""
    expired = {"$eq": ["$how", Removal.EXPIRED.value]}
    renewed = {"$or": ["$account.confirmed", {"$gt": ["$account.expires_on", "$gone_on"]}]}
    step_ended = {"$lt": ["$gone_on", now - STEP_TAKES]}
    return {"$and": [{"$gt": ["$account", None]}, {"$cond": [expired, renewed, step_ended]}]}


def _is_gone(now: datetime) -> Document:
    return {"$and": [{"$lte": ["$account", None]}, {"$lte": ["$gone_on", now]}]}


# Changes only records that were not written again meanwhile. An aggregation cannot delete, so it
# sets `gone_on` to None, and the next command deletes such records.
_SAME = {"$eq": ["$gone_on", "$$new.gone_on"]}
_REVIEWED = [
    {
        "$set": {
            "sure": {"$cond": [_SAME, "$$new.sure", "$sure"]},
            "gone_on": {"$cond": [{"$and": [_SAME, "$$new.exists"]}, None, "$gone_on"]},
        }
    }
]
