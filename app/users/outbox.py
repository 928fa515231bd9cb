"""The outboxes of all accounts as the mail worker uses them: one queue of owed letters.

A worker leases a letter. This moves `due_on` ahead, so that no other worker sees the letter until
the lease is over. It also stores a fencing id, so that a worker whose lease is over cannot change
the letter. Each letter is delivered at least once. `outbox_overview` shows the same queue to
administrators.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import ReturnDocument
from pymongo.collection import Collection

from app.users.clock import EPOCH
from app.users.documents import Document
from app.users.letters import CONFIRMATIONS, GOODBYES, Letter, LetterKind
from app.users.refusals import Refusal, Trouble
from app.users.user import User

COUNTED = 10_000
"""Counts stop at this number, because a count must not read the whole queue."""
_KNOWN_KINDS = [kind.value for kind in LetterKind]


@dataclass(frozen=True, slots=True)
class LeasedLetter:
    """A letter that this worker holds until its lease is over, and the account as it was leased."""

    letter: Letter
    user: User

    @property
    def overtaken(self) -> bool:
        """Whether its link would be refused: a newer mail was asked for, or nobody needs the link
        any more."""
        user, letter = self.user, self.letter
        match letter.kind:
            case LetterKind.CONFIRM | LetterKind.REMINDER:
                newest = user.confirm_mail and user.confirm_mail.id
                return user.confirmed or newest != letter.id
            case LetterKind.RESET:
                return user.reset_letter_id != letter.id
            case LetterKind.EMAIL_CHANGE:
                return user.pending_email is None or user.pending_email.letter_id != letter.id
            case LetterKind.FACTOR_RESET_LINK:
                return user.factor_reset is not None or user.factor_reset_version != letter.version
            case LetterKind.FACTOR_RESET_WAITING | LetterKind.FACTOR_RESET_READY:
                return user.factor_reset is None or user.factor_reset.version != letter.version
            case _:
                return False

    @property
    def recipient(self) -> str:
        """The address that the letter is sent to."""
        return self.letter.to or self.user.email


@dataclass(frozen=True, slots=True)
class Blockage:
    """What prevents every letter from leaving."""

    words: str
    """The answer of the mail server, or the error of the system."""
    trouble: Trouble | None
    """None if an older version stored the blockage."""


@dataclass(frozen=True, slots=True)
class QueueStats:
    """The state of the queue. Counts stop at the first ten thousand accounts, and leave out
    letters for a later day."""

    owed: int = 0
    due: int = 0
    blocked: int = 0
    overdue: float = 0.0
    """Seconds since the letter became due that waits longest."""
    oldest: float = 0.0
    """Seconds since the oldest letter was owed."""


class Outbox:
    """The owed letters in the `users` collection."""

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users

    def lease(self, now: datetime, duration: timedelta) -> LeasedLetter | None:
        """Takes the letter that has been due longest, or None.

        It leaves letters of unknown kinds to a worker of a newer version.

        There is no sort: MongoDB reads the index on `outbox.due_on` in its order. A sort on a
        multikey index would read the whole backlog for each letter.
        """
        fencing_id = secrets.token_hex(8)
        due = {"due_on": {"$lte": now}, "kind": {"$in": _KNOWN_KINDS}}
        document = self._take(
            {"outbox": {"$elemMatch": due}},
            {
                "$set": {"outbox.$.due_on": now + duration, "outbox.$.lease": fencing_id},
                "$inc": {"outbox.$.attempts": 1},
            },
            fencing_id,
        )
        if document is None:
            return None
        stored = next(entry for entry in document["outbox"] if entry["lease"] == fencing_id)
        return LeasedLetter(Letter.from_document(stored), User.from_document(document))

    def extend(self, leased: LeasedLetter, until: datetime) -> bool:
        """Extends the lease while the mail server is slow. False means that another worker has the
        lease now."""
        longer = {"$set": {"outbox.$.due_on": until}}
        return self._users.update_one(self._lease_guard(leased), longer).matched_count == 1

    def _take(self, due: Document, lease: Document, fencing_id: str) -> Document | None:
        """Stores the lease on one letter and returns the changed account, in one command."""
        return self._users.find_one_and_update(
            due, lease, projection={"events": 0}, return_document=ReturnDocument.AFTER
        )

    def settle(self, leased: LeasedLetter, now: datetime) -> bool:
        """Removes a delivered letter. False means that another worker has the lease now.

        A goodbye letter is the rest of a deleted account, so its document is removed too.
        """
        if leased.letter.kind in GOODBYES:
            return self._delete_account(leased)
        gone = {"$pull": {"outbox": {"id": leased.letter.id}}}
        return self._finish(leased, gone, {"confirm_mail.sent_on": now})

    def drop(self, leased: LeasedLetter) -> bool:
        """Removes a letter without sending it, because its content is no longer true."""
        return self._finish(leased, {"$pull": {"outbox": {"id": leased.letter.id}}}, {})

    def refuse(
        self,
        leased: LeasedLetter,
        words: str,
        now: datetime,
        refusal: Refusal,
        alike: str | None = None,
    ) -> bool:
        """Takes a letter out of the queue and keeps it with the mail server's words.

        Args:
            alike: the words without the parts about this recipient.
        """
        if leased.letter.kind in GOODBYES:
            return self._delete_account(leased)
        kept = _entry(None, words) | {
            "outbox.$.refusal": refusal,
            "outbox.$.alike": alike,
            "outbox.$.refused_on": now,
        }
        state = {"confirm_mail.refused": words, "confirm_mail.refusal": refusal}
        return self._finish(leased, {"$set": kept}, state)

    def postpone(
        self, leased: LeasedLetter, until: datetime, trouble: str, *, since: datetime | None = None
    ) -> bool:
        """Puts a letter back for a later try.

        Args:
            since: when the letter itself failed first; a blocked queue does not count.
        """
        later = _entry(until, trouble) | {"outbox.$.troubled_on": since, "outbox.$.blocks": 0}
        return self._finish(leased, {"$set": later}, {})

    def block(
        self,
        leased: LeasedLetter,
        now: datetime,
        until: datetime,
        words: str,
        trouble: Trouble,
        alike: str | None = None,
    ) -> bool:
        """Puts a letter back because the queue is blocked. The try does not count as an attempt."""
        later = _entry(until, words) | {
            "outbox.$.blocked": True,
            "outbox.$.blockage": trouble,
            "outbox.$.alike": alike,
            "outbox.$.refused_on": now,
            "outbox.$.troubled_on": None,
        }
        counts = {"outbox.$.attempts": -1, "outbox.$.blocks": 1}
        return self._finish(leased, {"$set": later, "$inc": counts}, {})

    def doubt(self, leased: LeasedLetter, until: datetime, words: str) -> bool:
        """Puts a letter back that the mail server may have taken."""
        later = {"$set": _entry(until, words), "$inc": {"outbox.$.unsure": 1}}
        return self._finish(leased, later, {})

    def take_for_sent(self, leased: LeasedLetter, now: datetime, words: str) -> bool:
        """Takes a letter out of the queue because the mail server has probably taken it. It is kept
        for administrators, who can try it again."""
        if leased.letter.kind in GOODBYES:
            return self._delete_account(leased)
        kept = {"$set": _entry(None, words), "$inc": {"outbox.$.unsure": 1}}
        return self._finish(leased, kept, {"confirm_mail.sent_on": now})

    def stats(self, now: datetime) -> QueueStats:
        """How many letters wait, and for how long. MongoDB computes this in one command."""
        found = self._users.aggregate(_stats_pipeline(now))
        # Without letters, MongoDB returns no group, and mongomock returns an empty one.
        group = next(iter(found), None)
        if not group or not group["owed"]:
            return QueueStats()
        overdue, oldest = ((now - group[name]).total_seconds() for name in ("next", "oldest"))
        counts = {name: group[name] for name in ("owed", "due", "blocked")}
        return QueueStats(**counts, overdue=max(0.0, overdue), oldest=max(0.0, oldest))

    def _delete_account(self, leased: LeasedLetter) -> bool:
        return self._users.delete_one(self._lease_guard(leased)).deleted_count == 1

    def _lease_guard(self, leased: LeasedLetter) -> Document:
        """Matches while this worker still holds the lease."""
        held = {"id": leased.letter.id, "lease": leased.letter.lease}
        return {"_id": leased.user.id, "outbox": {"$elemMatch": held}}

    def _finish(self, leased: LeasedLetter, update: Document, confirm_mail: Document) -> bool:
        """Applies `update` if this worker still holds the lease.

        `confirm_mail` is set only while this letter is the newest confirmation: a resend may have
        overtaken it while it was being sent.
        """
        guard = self._lease_guard(leased)
        if confirm_mail and leased.letter.kind in CONFIRMATIONS:
            newest = guard | {"confirm_mail.id": leased.letter.id}
            with_state = update | {"$set": update.get("$set", {}) | confirm_mail}
            if self._users.update_one(newest, with_state).matched_count:
                return True
        return self._users.update_one(guard, update).matched_count == 1

    def waiting(self, now: datetime) -> bool:
        """Whether any letter must be tried now, or again. Letters for a later day do not count."""
        query = {
            "outbox.due_on": {"$gt": EPOCH},
            "outbox": {"$elemMatch": {"due_on": {"$gt": EPOCH}, "$or": in_queue(now)}},
        }
        return self._users.find_one(query, {"_id": 1}) is not None

    def blocked(self) -> Blockage | None:
        """What prevents every letter from leaving, if anything does."""
        entry = {"due_on": {"$gt": EPOCH}, "blocked": True}
        # The condition on `trouble` makes MongoDB use the index on it, which stays small in a long
        # queue.
        found = self._users.find_one(
            {"outbox.trouble": {"$gt": ""}, "outbox": {"$elemMatch": entry}},
            {"outbox": {"$elemMatch": {"blocked": True}}},
        )
        if not found:
            return None
        letter = Letter.from_document(found["outbox"][0])
        trouble = Trouble(letter.blockage) if letter.blockage in set(Trouble) else None
        return Blockage(letter.trouble or "", trouble)


def in_queue(now: datetime, letter: str = "") -> list[Document]:
    """For `$or`: a letter is due, was tried before, or is being sent. Others are owed for a later
    day.

    Args:
        letter: the path of the letter, with its full stop.
    """
    return [
        {f"{letter}due_on": {"$lte": now}},
        {f"{letter}trouble": {"$gt": ""}},
        {f"{letter}lease": {"$gt": ""}},
    ]


def _entry(due_on: datetime | None, trouble: str) -> Document:
    """The update that puts a letter back. It clears everything about earlier problems except the
    counts."""
    return {
        "outbox.$.due_on": due_on,
        "outbox.$.lease": None,
        "outbox.$.trouble": trouble,
        "outbox.$.refusal": None,
        "outbox.$.alike": None,
        "outbox.$.blocked": False,
        "outbox.$.blockage": None,
    }


def _stats_pipeline(now: datetime) -> list[Document]:
    """The pipeline of `stats`. MongoDB reads the index in its order, so the limit keeps the letters
    that have been due longest."""
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
    names = ("due_on", "owed_on", "blocked", "trouble", "lease")
    fields = {f"outbox.{name}": 1 for name in names}
    return [
        to_send,
        {"$limit": COUNTED},
        {"$project": fields},
        {"$unwind": "$outbox"},
        {"$match": {"outbox.due_on": {"$gt": EPOCH}, "$or": in_queue(now, "outbox.")}},
        {"$group": counts},
    ]
