"""The queue of owed letters: every account's `outbox`, seen as one.

A letter is claimed with a lease: `due_on` moves ahead, so that no other worker sees it until the
lease is over, and a fencing id is noted, so that a worker which was thought dead cannot settle it
late. Delivery is at least once.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection

from app.clock import EPOCH
from app.users.indexes import is_mock
from app.users.letters import CONFIRMATIONS, GOODBYES, Letter, LetterKind
from app.users.user import User

Document = dict[str, Any]

# More than this is said as "more than": nobody reads on, and a count is no reason to read them all.
COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Claim:
    """A letter that is ours until its lease is over, with its account as it was then."""

    letter: Letter
    user: User

    @property
    def overtaken(self) -> bool:
        """Its link would be refused: a newer mail was asked for, or what it is for is void."""
        user, letter = self.user, self.letter
        match letter.kind:
            case LetterKind.CONFIRM | LetterKind.REMINDER:
                newest = user.confirm_mail and user.confirm_mail.id
                return user.confirmed or newest != letter.id
            case LetterKind.RESET:
                return user.reset_letter_id != letter.id
            case LetterKind.EMAIL_CHANGE:
                return user.pending_email is None or user.pending_email.letter_id != letter.id
        return False


@dataclass(frozen=True, slots=True)
class Stock:
    """How the queue is; what is counted stops at the first ten thousand accounts."""

    owed: int = 0
    due: int = 0
    blocked: int = 0
    overdue: float = 0.0
    """Seconds that the oldest due letter has been due."""
    oldest: float = 0.0
    """Seconds since the oldest of the letters was owed."""


class Outbox:
    """The owed letters in the `users` collection."""

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users

    def claim(self, now: datetime, lease: timedelta) -> Claim | None:
        """Takes the letter that has been due longest, or None.

        No sort: the index on `outbox.due_on` is walked in its order, while a sort on a multikey
        index would read the whole backlog for each letter.
        """
        fencing_id = secrets.token_hex(8)
        document = self._take(
            {"outbox": {"$elemMatch": {"due_on": {"$lte": now}}}},
            {
                "$set": {"outbox.$.due_on": now + lease, "outbox.$.lease": fencing_id},
                "$inc": {"outbox.$.attempts": 1},
            },
            fencing_id,
        )
        if document is None:
            return None
        stored = next(entry for entry in document["outbox"] if entry["lease"] == fencing_id)
        letter = Letter.from_document({**stored, "kind": LetterKind(stored["kind"])})
        return Claim(letter, User.from_document(document))

    def _take(self, due: Document, lease: Document, fencing_id: str) -> Document | None:
        """The account as it is with the lease on one of its letters; one command."""
        if is_mock(self._users.database):
            # Its find_one_and_update takes `outbox.$` for the first letter, due or not.
            self._users.update_one(due, lease)
            return self._users.find_one({"outbox.lease": fencing_id}, {"events": 0})
        return self._users.find_one_and_update(
            due, lease, projection={"events": 0}, return_document=ReturnDocument.AFTER
        )

    def settle(self, claim: Claim, now: datetime) -> bool:
        """Removes a delivered letter; False when the lease was lost to another worker.

        With the goodbye of a deleted account goes the rest of it.
        """
        if claim.letter.kind in GOODBYES:
            return self._bury(claim)
        gone = {"$pull": {"outbox": {"id": claim.letter.id}}}
        return self._finish(claim, gone, {"confirm_mail.sent_on": now})

    def drop(self, claim: Claim) -> bool:
        """Removes a letter unsent, since what it says is no longer so."""
        return self._finish(claim, {"$pull": {"outbox": {"id": claim.letter.id}}}, {})

    def refuse(self, claim: Claim, reason: str) -> bool:
        """Keeps a letter that the mail server will never take, with its words, out of the queue."""
        if claim.letter.kind in GOODBYES:
            return self._bury(claim)
        never = {
            "outbox.$.due_on": None,
            "outbox.$.lease": None,
            "outbox.$.trouble": reason,
            "outbox.$.blocked": False,
        }
        return self._finish(claim, {"$set": never}, {"confirm_mail.refused": reason})

    def postpone(
        self, claim: Claim, until: datetime, trouble: str, *, blocked: bool = False
    ) -> bool:
        """Puts a letter back for later; `blocked` when no other letter would fare better."""
        later = {
            "outbox.$.due_on": until,
            "outbox.$.lease": None,
            "outbox.$.trouble": trouble,
            "outbox.$.blocked": blocked,
        }
        return self._finish(claim, {"$set": later}, {})

    def stock(self, now: datetime) -> Stock:
        """How many letters wait, and for how long: one command, added up by MongoDB."""
        found = self._users.aggregate(_adding_up(now))
        # Of nothing MongoDB makes no group, and mongomock one of nothing.
        group = next(iter(found), None)
        if not group or not group["owed"]:
            return Stock()
        overdue, oldest = ((now - group[name]).total_seconds() for name in ("next", "oldest"))
        counts = {name: group[name] for name in ("owed", "due", "blocked")}
        return Stock(**counts, overdue=max(0.0, overdue), oldest=max(0.0, oldest))

    def _bury(self, claim: Claim) -> bool:
        return self._users.delete_one(self._ours(claim)).deleted_count == 1

    def _ours(self, claim: Claim) -> Document:
        """The guard: the lease is still ours."""
        held = {"id": claim.letter.id, "lease": claim.letter.lease}
        return {"_id": claim.user.id, "outbox": {"$elemMatch": held}}

    def _finish(self, claim: Claim, update: Document, confirm_mail: Document) -> bool:
        """Applies `update` if the lease is still ours.

        `confirm_mail` is noted only while this letter is the newest confirmation: a resend may
        have overtaken it while it was being sent.
        """
        ours = self._ours(claim)
        if confirm_mail and claim.letter.kind in CONFIRMATIONS:
            newest = ours | {"confirm_mail.id": claim.letter.id}
            noted = update | {"$set": update.get("$set", {}) | confirm_mail}
            if self._users.update_one(newest, noted).matched_count:
                return True
        return self._users.update_one(ours, update).matched_count == 1

    def waiting(self) -> bool:
        """Whether any letter is left to try, now or later."""
        return self._users.find_one({"outbox.due_on": {"$gt": EPOCH}}, {"_id": 1}) is not None

    def blocked(self) -> str | None:
        """What keeps every letter from leaving, if anything does, in the mail server's words."""
        entry = {"due_on": {"$gt": EPOCH}, "blocked": True}
        # By the index of those in trouble: however many wait behind it.
        found = self._users.find_one(
            {"outbox.trouble": {"$gt": ""}, "outbox": {"$elemMatch": entry}},
            {"outbox": {"$elemMatch": {"blocked": True}}},
        )
        return found["outbox"][0]["trouble"] if found else None


def _adding_up(now: datetime) -> list[Document]:
    """The pipeline of `stock`. The index is walked in its order: what has been due longest is among
    the first."""
    to_send = {"$match": {"outbox.due_on": {"$gt": EPOCH}}}
    due = {"$lte": ["$outbox.due_on", now]}
    counts = {
        "_id": None,
        "owed": {"$sum": 1},
        "due": {"$sum": {"$cond": [due, 1, 0]}},
        "blocked": {"$sum": {"$cond": ["$outbox.blocked", 1, 0]}},
        "next": {"$min": "$outbox.due_on"},
        "oldest": {"$min": "$outbox.owed_on"},
    }
    fields = {f"outbox.{name}": 1 for name in ("due_on", "owed_on", "blocked")}
    return [
        to_send,
        {"$limit": COUNTED},
        {"$project": fields},
        {"$unwind": "$outbox"},
        to_send,
        {"$group": counts},
    ]
