"""Accounts that are gone, remembered without anything of the person, so that shares stay true.

A note in `departed` has the account's random id, `registered_on`, `confirmed_on` (or None),
`gone_on`, `how` it went, the number of `resends`, whether its mail was `refused`, and `sure`: the
account was looked for since, and is gone. No address, no name; notes are kept, because a share
would drift upwards with every one that is forgotten.

MongoDB deletes the expired itself and runs no code of ours: they are noted up to a day ahead, with
the moment at which they will be gone. Whoever leaves by a step is noted first and deleted then.
These are two commands, the only step of this house that is not one: a crash, or a guard that fails,
between them leaves a note of an account that lives. `review` finds and removes it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection

from app.users.indexes import is_mock

Document = dict[str, Any]

EXPIRED, DISOWNED, STARTED_OVER, DELETED = "expired", "disowned", "started_over", "deleted"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""When what is left of a deleted account says that it was registered: before any span."""
_EXPIRE_AHEAD = timedelta(days=1)
# The longest that a step may take between its note and its deletion, with much to spare.
_STEP_TAKES = timedelta(minutes=1)


class Departed:
    """The `departed` collection.

    Args:
        users: the collection that they are gone from, beside which the notes are.
    """

    def __init__(self, users: Collection[Document]) -> None:
        self._users, self._notes = users, users.database["departed"]

    def note(self, guard: Document, how: str, now: datetime) -> None:
        """Notes the account that a step is about to delete, if its guard holds."""
        self._merge(guard, how, {"$literal": now})

    def note_expiring(self, now: datetime) -> None:
        """Notes every account that MongoDB will delete within a day; may be repeated."""
        soon = {"expires_on": {"$lte": now + _EXPIRE_AHEAD}, "confirmed": False}
        # What is left of a deleted account, its goodbye, has been noted as deleted.
        self._merge({**soon, "email": {"$ne": ""}}, EXPIRED, "$expires_on")

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

    def _merge(self, query: Document, how: str, gone_on: Any) -> None:
        if is_mock(self._notes.database):
            self._note_in_memory(self._users.find(query), how, gone_on)
            return
        note = {
            "registered_on": 1,
            "confirmed_on": 1,
            "gone_on": gone_on,
            "how": {"$literal": how},
            "resends": {"$ifNull": ["$resends", {"$subtract": ["$token_version", 1]}]},
            "refused": {"$gt": ["$confirm_mail.refused", None]},
            "sure": {"$literal": False},
        }
        merge = {"into": self._notes.name, "whenMatched": "replace"}
        self._users.aggregate([{"$match": query}, {"$project": note}, {"$merge": merge}])

    def _note_in_memory(self, accounts: Iterable[Document], how: str, gone_on: Any) -> None:
        """mongomock has no `$merge`, and nobody else at work beside us."""
        for account in accounts:
            mail = account.get("confirm_mail") or {}
            note = {
                "_id": account["_id"],
                "registered_on": account["registered_on"],
                "confirmed_on": account["confirmed_on"],
                "gone_on": account["expires_on"] if how == EXPIRED else gone_on["$literal"],
                "how": how,
                "resends": account.get("resends", account["token_version"] - 1),
                "refused": bool(mail.get("refused")),
                "sure": False,
            }
            self._notes.replace_one({"_id": note["_id"]}, note, upsert=True)

    def _review_in_memory(self, now: datetime) -> None:
        for note in list(self._notes.find({"sure": False})):
            account = self._users.find_one({"_id": note["_id"], "email": {"$ne": ""}})
            if account and _lives_on(account, note, now):
                self._remove(note["_id"])
            elif not account and note["gone_on"] <= now:
                self._notes.update_one({"_id": note["_id"]}, {"$set": {"sure": True}})

    def _remove(self, account_id: ObjectId) -> None:
        self._notes.delete_one({"_id": account_id})


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
