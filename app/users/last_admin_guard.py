"""The last-admin guard: the last administrator cannot be demoted, disabled or deleted.

A step is one command on one account, and such a command cannot see whether another administrator is
left. So one small document in the collection `administration` has the ids of the active
administrators. An administrator who is to be removed leaves that document first:

    {ids: {$elemMatch: {$ne: B}}}
    {$pull: {ids: B}, $push: {leaving: {account: B, …}}, $inc: {version: 1}}

This matches while somebody else remains. When two administrators demote each other at the same
moment, the second finds nobody else and is refused. Only then is the account changed.

The ids are read from the accounts before each removal, since administrators may have been made at
the shell or by hand. They are stored only if nobody has left since (`version`). Administrators
whose removal has begun (`leaving`) are not among them. So an old reading never counts somebody who
has left. A process that dies between the two steps leaves an administrator who is not counted until
somebody makes it an administrator again. Then fewer can be removed than could be, never more.
"""

import secrets
from collections.abc import Callable
from enum import Enum

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from app.users.documents import Document
from app.users.user import User

ACTIVE: Document = {"admin": True, "confirmed": True, "disabled_on": None}
"""Accounts that count as active administrators."""

_ID = "administrators"


class GuardResult(Enum):
    """How a step ended that may remove an administrator."""

    DONE = "done"
    LAST_ADMIN = "last administrator"
    """No other administrator would be left, so nothing was done."""
    CHANGED = "changed"
    """The account was changed meanwhile, so nothing was done."""


class LastAdminGuard:
    """Keeps at least one active administrator.

    Args:
        users: the accounts; the guard's document is in the same database.
    """

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users
        self._administration: Collection[Document] = users.database["administration"]

    def run(self, user: User, step: Callable[[], bool]) -> GuardResult:
        """Runs a step that ends an account's administration, unless it is the last administrator's.

        Args:
            step: the guarded command on the account; False when the account was changed meanwhile.
        """
        if user.admin and user.disabled_on is None:
            return self.remove(user.id, user.admin_version, step)
        return GuardResult.DONE if step() else GuardResult.CHANGED

    def remove(self, account: ObjectId, version: int, step: Callable[[], bool]) -> GuardResult:
        """Runs a step that takes an account out of the administrators, if another one remains.

        Args:
            version: the account's `admin_version`, which guards the step.
            step: the guarded command on the account; False when the account was changed meanwhile.
        """
        self._count_again()
        # Each removal has an id: another removal of the same account may have begun.
        removal = {"account": account, "power": version, "by": secrets.token_hex(8)}
        if not self._begin(removal):
            return GuardResult.LAST_ADMIN
        # Where the outcome of the step is unknown, the removal stays in `leaving`.
        done = step()
        over = {"leaving": {"by": removal["by"]}}
        self._administration.update_one({"_id": _ID}, {"$pull": over})
        return GuardResult.DONE if done else GuardResult.CHANGED

    def add(self, account: ObjectId, version: int) -> None:
        """Counts an account again that has become an active administrator's. Removals that began
        earlier can no longer take effect, since its `admin_version` is `version` now."""
        earlier = {"leaving": {"account": account, "power": {"$lt": version}}}
        self._administration.update_one({"_id": _ID}, {"$pull": earlier, "$inc": {"version": 1}})

    def _begin(self, removal: Document) -> bool:
        account = removal["account"]
        found = self._administration.update_one(
            {"_id": _ID, "ids": {"$elemMatch": {"$ne": account}}},
            {"$pull": {"ids": account}, "$push": {"leaving": removal}, "$inc": {"version": 1}},
        )
        return found.matched_count == 1

    def _count_again(self) -> None:
        """Stores the ids of the active administrators; repeats until nobody leaves meanwhile."""
        while True:
            known = self._known()
            active = [found["_id"] for found in self._users.find(ACTIVE, {"_id": 1})]
            leaving = {removal["account"] for removal in known["leaving"]}
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
            except DuplicateKeyError:  # two inserts at once
                continue
        raise RuntimeError("the document of the administrators is deleted again and again")
