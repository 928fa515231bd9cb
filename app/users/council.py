"""There is always an administrator: the last one can be neither withdrawn, disabled nor deleted.

A step is one command on one account, and no such command can see whether another administrator is
left. So one small document, in the collection `administration`, has the ids of those that count,
and whoever shall go leaves it first:

    {ids: {$elemMatch: {$ne: B}}}
    {$pull: {ids: B}, $push: {leaving: {account: B, …}}, $inc: {version: 1}}

It matches while somebody else remains. Of two administrators who withdraw each other at the same
moment the second finds nobody else, and is refused. Only then the account is changed.

Who counts is read from the accounts before each departure: administrators may have been made at the
shell, or by hand. What was read is written only if nobody has left since (`version`), and without
those whose departure is under way (`leaving`), so a stale look never counts somebody who has gone.
A process that dies between the two steps leaves an administrator who is not counted until somebody
grants it again: then fewer may go than could, never more.
"""

import secrets
from collections.abc import Callable
from enum import Enum
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

Document = dict[str, Any]

ACTIVE: Document = {"admin": True, "confirmed": True, "disabled_on": None}
"""Administrators who can do something about anything."""

_ID = "administrators"


class Departure(Enum):
    """How leaving the administrators ended."""

    DONE = "done"
    LAST = "last"
    """Nobody else would be left."""
    CHANGED = "changed"
    """The account was changed meanwhile."""


class Council:
    """Those who count as administrators.

    Args:
        users: the accounts; the document is in the same database.
    """

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users
        self._administration: Collection[Document] = users.database["administration"]

    def leave(self, account: ObjectId, power: int, step: Callable[[], bool]) -> Departure:
        """Changes an administrator's account so that it is none any more, if another one remains.

        Args:
            power: the account's `admin_version`, which guards the step.
            step: the guarded command on the account; False when it found another one than expected.
        """
        self._count_anew()
        # Each departure is one of its own: another one of the same account may be under way.
        departure = {"account": account, "power": power, "by": secrets.token_hex(8)}
        if not self._let_go(departure):
            return Departure.LAST
        # Where its outcome is unknown, the account stays among those that leave.
        done = step()
        over = {"leaving": {"by": departure["by"]}}
        self._administration.update_one({"_id": _ID}, {"$pull": over})
        return Departure.DONE if done else Departure.CHANGED

    def welcome(self, account: ObjectId, power: int) -> None:
        """Lets an account count again that has been made an administrator's: departures from before
        can no longer take effect, since its `admin_version` is `power` now."""
        earlier = {"leaving": {"account": account, "power": {"$lt": power}}}
        self._administration.update_one({"_id": _ID}, {"$pull": earlier, "$inc": {"version": 1}})

    def _let_go(self, departure: Document) -> bool:
        account = departure["account"]
        found = self._administration.update_one(
            {"_id": _ID, "ids": {"$elemMatch": {"$ne": account}}},
            {"$pull": {"ids": account}, "$push": {"leaving": departure}, "$inc": {"version": 1}},
        )
        return found.matched_count == 1

    def _count_anew(self) -> None:
        """Until nobody has left between the look at the accounts and the note of it."""
        while True:
            known = self._known()
            active = [found["_id"] for found in self._users.find(ACTIVE, {"_id": 1})]
            leaving = {departure["account"] for departure in known["leaving"]}
            ids = [account for account in active if account not in leaving]
            query = {"_id": _ID, "version": known["version"]}
            if self._administration.update_one(query, {"$set": {"ids": ids}}).matched_count:
                return

    def _known(self) -> Document:
        new = {"version": 0, "ids": [], "leaving": []}
        for _attempt in range(2):
            try:
                known = self._administration.find_one_and_update(
                    {"_id": _ID},
                    {"$setOnInsert": new},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
                return known or new
            except DuplicateKeyError:  # two first ones at once
                continue
        raise RuntimeError("the document of the administrators comes and goes")
