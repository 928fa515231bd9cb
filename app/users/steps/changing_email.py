"""Changing the address: asked for, proven, and taken back."""

from dataclasses import asdict
from datetime import datetime, timedelta
from enum import Enum

from pymongo.errors import DuplicateKeyError

from app.users.addresses import Address
from app.users.happenings import Deed, Happening
from app.users.letters import LetterKind, owe
from app.users.passwords import NO_PASSWORD
from app.users.steps.base import Document, Steps, event, push_events, push_letters
from app.users.steps.passwords import VOID_LINKS
from app.users.user import EventKind, FormerEmail, Origin, PendingEmail, User

_MAX_FORMER = 20
# How long an undo letter may wait for the mail server before its link starts to age.
_LETTER_MAY_WAIT = timedelta(days=4)


class EmailChange(Enum):
    """How a change of address ended."""

    DONE = "done"
    STALE = "stale"
    """Another step came first."""
    TAKEN = "taken"
    """A confirmed account has the address."""


class ChangingEmail(Steps):
    """The address changes only by guarded updates on what the link says (Devise CVE-2026-32700)."""

    def ask_email_change(self, user: User, address: Address, now: datetime, origin: Origin) -> bool:
        """Notes the new address as pending and owes it a link; the old address is told.

        A pending address signs nobody in, gets no resets and reserves nothing.

        Returns:
            False when the password that was checked is no longer the account's.
        """
        link = owe(LetterKind.EMAIL_CHANGE, now, origin, to=address.typed)
        notice = owe(LetterKind.EMAIL_CHANGE_ASKED, now, origin, to=user.email, other=address.typed)
        version = user.email_version + 1
        query = {
            "_id": user.id,
            "password_hash": user.password_hash,
            # Documents from before have no counter yet.
            "email_version": user.email_version or {"$in": [0, None]},
        }
        pending = {
            "email": address.typed,
            "email_key": address.key,
            "version": version,
            "asked_on": now,
            "letter_id": link.id,
        }
        return self._update(
            query,
            {
                "$set": {"email_version": version, "pending_email": pending},
                "$push": push_letters(link, notice)
                | push_events(event(EventKind.EMAIL_CHANGE_ASKED, now, origin)),
            },
        )

    def cancel_email_change(self, user: User, now: datetime, origin: Origin) -> bool:
        """Voids a pending change; False when none was pending."""
        return self._update(
            {"_id": user.id, "pending_email": {"$ne": None}},
            {
                "$unset": {"pending_email": ""},
                "$push": push_events(event(EventKind.EMAIL_CHANGE_CANCELLED, now, origin)),
            },
        )

    def change_email(
        self,
        user: User,
        pending: PendingEmail,
        now: datetime,
        origin: Origin,
        undo_for: timedelta,
    ) -> EmailChange:
        """Makes the pending address the account's, and owes the old one a way to undo it.

        Args:
            undo_for: how long the undo links live. No number of changes ends one earlier.
        """
        former = FormerEmail(user.email, user.email_key, pending.version, changed_on=now)
        # Set, not pushed: the guard fails if another change or an undo has touched them.
        may_undo = now - undo_for - _LETTER_MAY_WAIT
        earlier, newest = user.former_emails[:-_MAX_FORMER], user.former_emails[-_MAX_FORMER:]
        kept = [*(known for known in earlier if known.changed_on > may_undo), *newest, former]
        told = owe(LetterKind.EMAIL_CHANGED, now, origin, to=pending.email, other=user.email)
        undo = owe(
            LetterKind.EMAIL_CHANGED_UNDO,
            now,
            origin,
            to=user.email,
            version=pending.version,
            other=pending.email,
        )
        query = {
            "_id": user.id,
            "email_key": user.email_key,
            "pending_email.email_key": pending.email_key,
            "pending_email.version": pending.version,
        }
        update = {
            "$set": {
                "email": pending.email,
                "email_key": pending.email_key,
                "former_emails": [asdict(known) for known in kept],
            },
            # A reset link that was mailed to the old address dies with it.
            "$unset": VOID_LINKS,
            "$push": push_letters(told, undo)
            | push_events(event(EventKind.EMAIL_CHANGED, now, origin)),
        }
        return self._move(query, update, pending.email_key)

    def undo_email_change(
        self, user: User, former: FormerEmail, now: datetime, origin: Origin
    ) -> EmailChange:
        """Puts a former address back, whatever was done from the newer one.

        Every session ends and no password works, since whoever changed the address had both. Only
        the reset link that is owed to the restored address gets in. Undo links of later changes
        die, so that the other side cannot undo the undoing.
        """
        reset = owe(LetterKind.RESET, now, origin, to=former.email)
        notices = [
            owe(LetterKind.EMAIL_UNDONE, now, origin, to=to, other=user.email)
            for to in (former.email, user.email)
        ]
        query = {
            "_id": user.id,
            "email_key": user.email_key,
            "former_emails": {
                "$elemMatch": {"version": former.version, "email_key": former.email_key}
            },
        }
        update = {
            "$set": {
                "email": former.email,
                "email_key": former.email_key,
                "password_hash": NO_PASSWORD,
                "sessions": [],
                "devices": [],
                "reset_letter_id": reset.id,
            },
            "$inc": {"reset_version": 1, "email_version": 1},
            "$unset": {"pending_email": "", "refusals": ""},
            "$pull": {"former_emails": {"version": {"$gte": former.version}}},
            "$push": push_letters(reset, *notices)
            | push_events(event(EventKind.EMAIL_UNDONE, now, origin)),
        }
        return self._move(query, update, former.email_key)

    def _move(self, query: Document, update: Document, email_key: str) -> EmailChange:
        """Applies a change of address; an unconfirmed claim of somebody else gives way to it."""
        for _attempt in range(2):
            try:
                return EmailChange.DONE if self._update(query, update) else EmailChange.STALE
            except DuplicateKeyError:
                gone = self._users.find_one_and_delete(
                    {"email_key": email_key, "confirmed": False}, {"_id": 1}
                )
                if gone:
                    self._tell(Happening(Deed.GAVE_WAY, gone["_id"], by=""))
        return EmailChange.TAKEN
