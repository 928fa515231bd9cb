"""The last-admin guard: the last administrator cannot be demoted, disabled or deleted.

A step is one command on one account, and such a command cannot see whether another administrator is
left. So one small document in the collection `administration` has the ids of the active
administrators. To remove the administrator B, the guard first removes B from that document:

    {ids: {$elemMatch: {$ne: B}}}
    {$pull: {ids: B}, $push: {leaving: {account: B, …}}, $inc: {version: 1}}

This matches only while another id is in the document. When two administrators demote each other at
the same moment, the second command matches nothing, and the step is refused. The account is changed
only after a match.

Before each removal the ids are read from the accounts again, since administrators may have been
made at the shell or by hand. The new list has no administrators whose removal has begun
(`leaving`), and it is stored only if no removal began meanwhile (`version`). So an old list never
counts an administrator who is being removed. If a process dies between the two commands, the
administrator is not counted until somebody makes the account an administrator again. The guard then
refuses more removals than it must, never fewer.
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
    """The result of a step that may remove an administrator."""

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
        """Runs the step. For an active administrator, another one must remain.

        Args:
            step: the guarded command on the account; False when the account was changed meanwhile.
        """
        if user.admin and user.disabled_on is None:
            return self.remove(user.id, user.admin_version, step)
        return GuardResult.DONE if step() else GuardResult.CHANGED

    def remove(self, account: ObjectId, version: int, step: Callable[[], bool]) -> GuardResult:
        """Runs a step that removes an administrator, if another one remains.

        Args:
            version: the account's `admin_version`, which guards the step.
            step: the guarded command on the account; False when the account was changed meanwhile.
        """
        self._refresh()
        # Each removal has its own id, because two removals of one account may overlap.
        removal = {"account": account, "power": version, "by": secrets.token_hex(8)}
        if not self._begin(removal):
            return GuardResult.LAST_ADMIN
        # If the step raises, its outcome is unknown, and the removal stays in `leaving`.
        done = step()
        finished = {"leaving": {"by": removal["by"]}}
        self._administration.update_one({"_id": _ID}, {"$pull": finished})
        return GuardResult.DONE if done else GuardResult.CHANGED

    def add(self, account: ObjectId, version: int) -> None:
        """Counts an account that has become an active administrator. Forgets its earlier removals:
        they can no longer succeed, since its `admin_version` is now `version`."""
        earlier = {"leaving": {"account": account, "power": {"$lt": version}}}
        self._administration.update_one({"_id": _ID}, {"$pull": earlier, "$inc": {"version": 1}})

    def _begin(self, removal: Document) -> bool:
        account = removal["account"]
        found = self._administration.update_one(
            {"_id": _ID, "ids": {"$elemMatch": {"$ne": account}}},
            {"$pull": {"ids": account}, "$push": {"leaving": removal}, "$inc": {"version": 1}},
        )
        return found.matched_count == 1

    def _refresh(self) -> None:
        """Stores the ids of the active administrators; repeats if a removal began meanwhile."""
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
