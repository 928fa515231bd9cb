"""Deletion records: accounts that are gone, without anything of the person.

They keep the shares of the funnel true. A record in the collection `departed` has the account's
random id, `registered_on`, `confirmed_on` (or None), `gone_on`, `how` it went, the number of
`resends`, whether its mail was `refused`, and `sure`: we have looked since, and the account is
gone. There is no address and no name. Records are kept for good: without them the share of
confirmed accounts would look higher than it was.

MongoDB deletes expired accounts itself and runs no code of ours, so they are recorded up to a day
ahead, with the moment at which they will be gone. A step that deletes an account records it first.
A crash, or a guard that fails, between the two leaves a record of an account that exists; `review`
removes it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from pymongo.collection import Collection

from app.users.documents import Document

_EXPIRE_AHEAD = timedelta(days=1)
STEP_TAKES = timedelta(minutes=1)
"""The longest that a step may take between its record and its deletion, with much to spare."""


class Removal(StrEnum):
    """How an account went."""

    EXPIRED = "expired"
    DISOWNED = "disowned"
    STARTED_OVER = "started_over"
    DELETED = "deleted"
    GAVE_WAY = "gave_way"
    """Unconfirmed, when somebody else proved the address by a change of address."""


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

        It does not use `$merge`, which the driver would not repeat when the connection breaks.
        """
        account = self._users.find_one(guard, COUNTED)
        if account:
            record = record_of(account, how, now)
            self._records.replace_one({"_id": account["_id"]}, record, upsert=True)

    def record_expiring(self, now: datetime) -> None:
        """Records every account that MongoDB will delete within a day; may be repeated."""
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
                {"$project": {"gone_on": 1, "lives": _lives(now), "sure": _is_gone(now)}},
                {"$match": {"$or": [{"lives": True}, {"sure": True}]}},
                {
                    "$merge": {
                        "into": self._records.name,
                        "whenMatched": _JUDGED,
                        "whenNotMatched": "discard",
                    }
                },
            ]
        )
        self._records.delete_many({"sure": False, "gone_on": None})


# What a record is made of.
COUNTED = (
    "registered_on",
    "confirmed_on",
    "expires_on",
    "resends",
    "token_version",
    "confirm_mail.refused",
)


def expiring(now: datetime) -> Document:
    """The accounts that expire within a day. What is left of a deleted account, its goodbye letter,
    has been recorded as deleted."""
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


def _lives(now: datetime) -> Document:
    """Confirmed or claimed again since the record was made; or not deleted after all."""
    expired = {"$eq": ["$how", Removal.EXPIRED.value]}
    moved = {"$or": ["$account.confirmed", {"$gt": ["$account.expires_on", "$gone_on"]}]}
    over = {"$lt": ["$gone_on", now - STEP_TAKES]}
    return {"$and": [{"$gt": ["$account", None]}, {"$cond": [expired, moved, over]}]}


def _is_gone(now: datetime) -> Document:
    return {"$and": [{"$lte": ["$account", None]}, {"$lte": ["$gone_on", now]}]}


# Only if the account was not recorded again meanwhile. A record without `gone_on` counts nowhere,
# and the next command deletes it: an aggregation cannot delete.
_SAME = {"$eq": ["$gone_on", "$$new.gone_on"]}
_JUDGED = [
    {
        "$set": {
            "sure": {"$cond": [_SAME, "$$new.sure", "$sure"]},
            "gone_on": {"$cond": [{"$and": [_SAME, "$$new.lives"]}, None, "$gone_on"]},
        }
    }
]
