"""The outboxes of all accounts as administrators see them: letters that wait or have failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pymongo.collection import Collection

from app.users.clock import EPOCH
from app.users.documents import Document
from app.users.letters import CONFIRMATIONS, Letter
from app.users.outbox import COUNTED, in_queue
from app.users.refused_letters import REFUSAL_CLEARED, make_due

SHOWN = 50
_TROUBLED: Document = {"outbox.trouble": {"$gt": ""}}
_OWED: Document = {"outbox.due_on": {"$gt": EPOCH}}


@dataclass(frozen=True, slots=True)
class OwedLetter:
    """One letter and its account."""

    account: ObjectId
    email: str
    letter: Letter


@dataclass(frozen=True, slots=True)
class LetterList:
    """The first letters of a list, and how many letters there are in all."""

    count: int
    first: tuple[OwedLetter, ...]
    kinds: Mapping[str, int]


class OutboxOverview:
    """Lists letters, and makes them due again."""

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users

    def due(self, now: datetime) -> LetterList:
        """Letters that have not been tried yet, oldest first; not those for a later day."""
        fresh = {
            "outbox.due_on": {"$gt": EPOCH},
            "outbox.trouble": None,
            "$or": in_queue(now, "outbox."),
        }
        return self._letters(_OWED, fresh, "outbox.owed_on")

    def in_retry(self) -> LetterList:
        """Letters that will be tried again, the next one first."""
        return self._letters(_TROUBLED, _TROUBLED | _OWED, "outbox.due_on")

    def refused(self) -> LetterList:
        """Letters that a mail server has refused for good, newest first."""
        return self._letters(
            _TROUBLED, _TROUBLED | {"outbox.due_on": None}, "outbox.owed_on", newest=True
        )

    def retry(self, account: ObjectId, letter: str, now: datetime) -> bool:
        """Makes one failed letter due now, even a refused one.

        Returns:
            False if the letter has been sent meanwhile, or a worker is sending it.
        """
        entry = {"lease": None, "trouble": {"$gt": ""}}
        again = {"outbox.$.due_on": now, "outbox.$.blocked": False}
        return make_due(self._users, account, letter, entry, again)

    def retry_all(self, kind: str, now: datetime) -> int:
        """Makes every failed letter of a kind due now. Returns the number of accounts."""
        entry = {"kind": kind, "lease": None, "trouble": {"$gt": ""}}
        # `_TROUBLED` lets MongoDB use the partial index; `$elemMatch` alone does not.
        query: Document = _TROUBLED | {"outbox": {"$elemMatch": entry}}
        again = {"outbox.$[one].due_on": now, "outbox.$[one].blocked": False}
        which = {f"one.{name}": value for name, value in entry.items()}
        count = 0
        if kind in CONFIRMATIONS:
            with_mail = {"$set": again | REFUSAL_CLEARED}
            newest = query | {"$expr": _newest_is(kind)}
            count = self._users.update_many(newest, with_mail, array_filters=[which]).matched_count
            query["$expr"] = {"$not": _newest_is(kind)}
        rest = self._users.update_many(query, {"$set": again}, array_filters=[which])
        return count + rest.matched_count

    def _letters(
        self, accounts: Document, letters: Document, by: str, *, newest: bool = False
    ) -> LetterList:
        """Finds accounts with the query `accounts`, by an index, then filters their letters with
        the query `letters`."""
        some: list[Document] = [
            {"$match": accounts},
            {"$limit": COUNTED},
            {"$project": {"email": 1, "outbox": 1}},
            {"$unwind": "$outbox"},
            {"$match": letters},
        ]
        count = {"$group": {"_id": "$outbox.kind", "n": {"$sum": 1}}}
        counts = self._users.aggregate([*some, count])
        kinds = {count["_id"]: count["n"] for count in counts if count["_id"]}
        order = {"$sort": {by: -1 if newest else 1}}
        first = self._users.aggregate([*some, order, {"$limit": SHOWN}])
        return LetterList(sum(kinds.values()), tuple(_owed(found) for found in first), kinds)


def _newest_is(kind: str) -> Document:
    """Whether the newest confirmation mail is among the letters to try again. Then it no longer
    counts as refused."""
    again = {
        "$and": [
            {"$eq": ["$$this.kind", kind]},
            {"$eq": ["$$this.lease", None]},
            {"$gt": ["$$this.trouble", ""]},
        ]
    }
    letters = {"$filter": {"input": "$outbox", "cond": again}}
    return {
        "$in": ["$confirm_mail.id", {"$map": {"input": letters, "in": "$$this.id"}}],
    }


def _owed(found: Document) -> OwedLetter:
    stored = found["outbox"]
    letter = Letter.from_document(stored)
    return OwedLetter(found["_id"], found["email"] or letter.to, letter)
