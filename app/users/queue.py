"""The letters of all accounts as administrators look at them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection

from app.clock import EPOCH
from app.users.indexes import is_mock
from app.users.letters import CONFIRMATIONS, Letter, LetterKind
from app.users.outbox import COUNTED

Document = dict[str, Any]

SHOWN = 50
_TROUBLED: Document = {"outbox.trouble": {"$gt": ""}}
_OWED: Document = {"outbox.due_on": {"$gt": EPOCH}}


@dataclass(frozen=True, slots=True)
class Owed:
    """One letter with whose it is."""

    account: ObjectId
    email: str
    letter: Letter


@dataclass(frozen=True, slots=True)
class Letters:
    """Some of a kind: the first, and how many there are in all."""

    count: int
    first: tuple[Owed, ...]
    kinds: Mapping[LetterKind, int]


class Queue:
    """Every account's `outbox`, seen as one and put in order by hand."""

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users

    def due(self) -> Letters:
        """Letters that have not been tried yet, oldest first."""
        fresh = {"outbox.due_on": {"$gt": EPOCH}, "outbox.trouble": None}
        return self._letters(_OWED, fresh, "outbox.owed_on")

    def in_retry(self) -> Letters:
        """Letters that are tried again, by when."""
        return self._letters(_TROUBLED, _TROUBLED | _OWED, "outbox.due_on")

    def refused(self) -> Letters:
        """Letters that a mail server will not take, newest first."""
        return self._letters(
            _TROUBLED, _TROUBLED | {"outbox.due_on": None}, "outbox.owed_on", newest=True
        )

    def retry(self, account: ObjectId, letter: str, now: datetime) -> bool:
        """Makes one letter due now, refused or not.

        Returns:
            False when it has left meanwhile, or a worker has it in hand.
        """
        entry = {"id": letter, "lease": None, "trouble": {"$gt": ""}}
        query = {"_id": account, "outbox": {"$elemMatch": entry}}
        again = {"outbox.$.due_on": now, "outbox.$.blocked": False}
        # With the same command: a worker may have it refused again before another one.
        noted = {"$set": again | {"confirm_mail.refused": None}}
        if self._users.update_one(query | {"confirm_mail.id": letter}, noted).matched_count:
            return True
        return self._users.update_one(query, {"$set": again}).matched_count == 1

    def retry_all(self, kind: LetterKind, now: datetime) -> int:
        """Makes every letter of a kind due now that is in trouble; how many accounts had one."""
        entry = {"kind": kind.value, "lease": None, "trouble": {"$gt": ""}}
        # The index is of those in trouble, which it takes more than `$elemMatch` to say.
        query: Document = _TROUBLED | {"outbox": {"$elemMatch": entry}}
        if is_mock(self._users.database):
            return self._retry_each(query, kind, now)
        again = {"outbox.$[one].due_on": now, "outbox.$[one].blocked": False}
        which = {f"one.{name}": value for name, value in entry.items()}
        count = 0
        if kind in CONFIRMATIONS:
            noted = {"$set": again | {"confirm_mail.refused": None}}
            newest = query | {"$expr": _newest_is(kind)}
            count = self._users.update_many(newest, noted, array_filters=[which]).matched_count
            query["$expr"] = {"$not": _newest_is(kind)}
        rest = self._users.update_many(query, {"$set": again}, array_filters=[which])
        return count + rest.matched_count

    def _retry_each(self, query: Document, kind: LetterKind, now: datetime) -> int:
        """mongomock has no array filters."""
        accounts = list(self._users.find(query))
        for account in accounts:
            for letter in account["outbox"]:
                if letter["kind"] == kind:
                    self.retry(account["_id"], letter["id"], now)
        return len(accounts)

    def _letters(
        self, accounts: Document, letters: Document, by: str, *, newest: bool = False
    ) -> Letters:
        """By the index that `accounts` is about, then letter by letter."""
        some: list[Document] = [
            {"$match": accounts},
            {"$limit": COUNTED},
            {"$project": {"email": 1, "outbox": 1}},
            {"$unwind": "$outbox"},
            {"$match": letters},
        ]
        count = {"$group": {"_id": "$outbox.kind", "n": {"$sum": 1}}}
        counts = self._users.aggregate([*some, count])
        kinds = {LetterKind(count["_id"]): count["n"] for count in counts if count["_id"]}
        order = {"$sort": {by: -1 if newest else 1}}
        first = self._users.aggregate([*some, order, {"$limit": SHOWN}])
        return Letters(sum(kinds.values()), tuple(_owed(found) for found in first), kinds)


def _newest_is(kind: LetterKind) -> Document:
    """Whether the newest confirmation mail is one that is tried again: its refusal is over then."""
    again = {
        "$and": [
            {"$eq": ["$$this.kind", kind.value]},
            {"$eq": ["$$this.lease", None]},
            {"$gt": ["$$this.trouble", ""]},
        ]
    }
    letters = {"$filter": {"input": "$outbox", "cond": again}}
    return {
        "$in": ["$confirm_mail.id", {"$map": {"input": letters, "in": "$$this.id"}}],
    }


def _owed(found: Document) -> Owed:
    stored = found["outbox"]
    letter = Letter.from_document({**stored, "kind": LetterKind(stored["kind"])})
    return Owed(found["_id"], found["email"] or letter.to, letter)
