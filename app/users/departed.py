"""Accounts that are gone, remembered without anything of the person, so that shares stay true.

A note in `departed` has the account's random id, `registered_on`, `confirmed_on` (or None),
`gone_on`, `how` it went, the number of `resends`, whether its mail was `refused`, and `sure`: the
account was looked for since, and is gone. No address, no name; notes are kept, because a share
would drift upwards with every one that is forgotten.

MongoDB deletes the expired itself and runs no code of ours: they are noted up to a day ahead, with
the moment at which they will be gone. Whoever leaves by a step is noted first and deleted then.
These steps are the only ones of this house that are not one command: a crash, or a guard that
fails, between note and deletion leaves a note of an account that lives, which `review` removes.
"""

from datetime import datetime, timedelta
from typing import Any

from pymongo.collection import Collection

from app.users.indexes import is_mock

Document = dict[str, Any]

EXPIRED, DISOWNED, STARTED_OVER, DELETED = "expired", "disowned", "started_over", "deleted"
_EXPIRE_AHEAD = timedelta(days=1)
# The longest that a step may take between its note and its deletion, with much to spare.
_STEP_TAKES = timedelta(minutes=1)


class Departed:
    """The `departed` collection.

    Args:
        users: the collection that they are gone from, beside which the notes are.
    """

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users

    @property
    def _notes(self) -> Collection[Document]:
        return self._users.database["departed"]

    def note(self, guard: Document, how: str, now: datetime) -> None:
        """Notes the account that a step is about to delete, if its guard holds.

        Not by `$merge`, which the driver would not repeat when the connection breaks.
        """
        account = self._users.find_one(guard, _COUNTED)
        if account:
            note = _note(account, how, now)
            self._notes.replace_one({"_id": account["_id"]}, note, upsert=True)

    def note_expiring(self, now: datetime) -> None:
        """Notes every account that MongoDB will delete within a day; may be repeated."""
        # What is left of a deleted account, its goodbye, has been noted as deleted.
        soon = {
            "expires_on": {"$lte": now + _EXPIRE_AHEAD},
            "confirmed": False,
            "email": {"$ne": ""},
        }
        if is_mock(self._notes.database):
            for account in self._users.find(soon, _COUNTED):
                note = _note(account, EXPIRED, account["expires_on"])
                self._notes.replace_one({"_id": account["_id"]}, note, upsert=True)
            return
        noted = {
            "registered_on": 1,
            "confirmed_on": 1,
            "gone_on": "$expires_on",
            "how": {"$literal": EXPIRED},
            "resends": {"$ifNull": ["$resends", {"$subtract": ["$token_version", 1]}]},
            "refused": {"$gt": ["$confirm_mail.refused", None]},
            "sure": {"$literal": False},
        }
        merge = {"into": self._notes.name, "whenMatched": "replace"}
        self._users.aggregate([{"$match": soon}, {"$project": noted}, {"$merge": merge}])

    def review(self, now: datetime) -> None:
        """Removes notes of accounts that live on, and looks no more for those that are gone."""
        if is_mock(self._notes.database):
            self._review_in_memory(now)
            return
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
        self._notes.aggregate(
            [
                {"$match": {"sure": False}},
                {"$lookup": account},
                {"$set": {"account": {"$first": "$account"}}},
                {"$project": {"gone_on": 1, "lives": _lives(now), "sure": _is_gone(now)}},
                {"$match": {"$or": [{"lives": True}, {"sure": True}]}},
                {
                    "$merge": {
                        "into": self._notes.name,
                        "whenMatched": _JUDGED,
                        "whenNotMatched": "discard",
                    }
                },
            ]
        )
        self._notes.delete_many({"sure": False, "gone_on": None})

    def _review_in_memory(self, now: datetime) -> None:
        for note in list(self._notes.find({"sure": False})):
            account = self._users.find_one({"_id": note["_id"], "email": {"$ne": ""}})
            if account and _lives_on(account, note, now):
                self._notes.delete_one({"_id": note["_id"]})
            elif not account and note["gone_on"] <= now:
                self._notes.update_one({"_id": note["_id"]}, {"$set": {"sure": True}})


# What a note is made of.
_COUNTED = (
    "registered_on",
    "confirmed_on",
    "expires_on",
    "resends",
    "token_version",
    "confirm_mail.refused",
)


def _note(account: Document, how: str, gone_on: datetime) -> Document:
    mail = account.get("confirm_mail") or {}
    return {
        "registered_on": account["registered_on"],
        "confirmed_on": account["confirmed_on"],
        "gone_on": gone_on,
        "how": how,
        "resends": account.get("resends", account["token_version"] - 1),
        "refused": bool(mail.get("refused")),
        "sure": False,
    }


def _lives(now: datetime) -> Document:
    """Confirmed or claimed anew since it was noted; or not deleted after all."""
    expired = {"$eq": ["$how", EXPIRED]}
    moved = {"$or": ["$account.confirmed", {"$gt": ["$account.expires_on", "$gone_on"]}]}
    over = {"$lt": ["$gone_on", now - _STEP_TAKES]}
    return {"$and": [{"$gt": ["$account", None]}, {"$cond": [expired, moved, over]}]}


def _is_gone(now: datetime) -> Document:
    return {"$and": [{"$lte": ["$account", None]}, {"$lte": ["$gone_on", now]}]}


def _lives_on(account: Document, note: Document, now: datetime) -> bool:
    """`_lives`, for mongomock."""
    if note["how"] == EXPIRED:
        return bool(account["confirmed"] or account["expires_on"] > note["gone_on"])
    return bool(note["gone_on"] < now - _STEP_TAKES)


# Only if nobody has noted the account anew meanwhile. A note without a moment counts nowhere, and
# is deleted by the next command: an aggregation cannot delete.
_SAME = {"$eq": ["$gone_on", "$$new.gone_on"]}
_JUDGED = [
    {
        "$set": {
            "sure": {"$cond": [_SAME, "$$new.sure", "$sure"]},
            "gone_on": {"$cond": [{"$and": [_SAME, "$$new.lives"]}, None, "$gone_on"]},
        }
    }
]
