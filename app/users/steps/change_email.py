"""Changing the address: asking for it, confirming it, undoing it."""

from dataclasses import asdict
from datetime import datetime, timedelta
from enum import Enum

from pymongo.errors import DuplicateKeyError

from app.users.addresses import Address
from app.users.client import Client
from app.users.deletion_records import Removal
from app.users.documents import Document
from app.users.events import Event, EventKind
from app.users.field_policy import Cause
from app.users.letters import LetterKind, owe
from app.users.passwords import NO_PASSWORD
from app.users.steps.accounts import Accounts
from app.users.steps.change import Change
from app.users.steps.change_password import VOID_LINKS
from app.users.steps.factor_use import end_factor_reset
from app.users.steps.updates import clear, event, push_events, push_letters, same_factors
from app.users.user import FormerEmail, PendingEmail, User

_MAX_FORMER = 20
# How long an undo letter may wait for the mail server before its link starts to age.
_LETTER_MAY_WAIT = timedelta(days=4)


class EmailChange(Enum):
    """The result of a change of address."""

    DONE = "done"
    STALE = "stale"
    """Another step changed the account first."""
    TAKEN = "taken"
    """A confirmed account has the address."""


class ChangeEmail:
    """Changes the address. The guards have the address and the version of the link, so that no
    other address is confirmed (as in Devise CVE-2026-32700)."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def ask_email_change(self, user: User, address: Address, now: datetime, client: Client) -> bool:
        link = owe(LetterKind.EMAIL_CHANGE, now, client, to=address.typed)
        notice = owe(LetterKind.EMAIL_CHANGE_ASKED, now, client, to=user.email, other=address.typed)
        version = user.email_version + 1
        guard = {
            "_id": user.id,
            "password_hash": user.password_hash,
            # Older documents have no counter.
            "email_version": user.email_version or {"$in": [0, None]},
        }
        pending = PendingEmail(address.typed, address.key, version, asked_on=now, letter_id=link.id)
        update = {
            "$set": {"email_version": version, "pending_email": asdict(pending)},
            "$push": push_letters(link, notice)
            | push_events(event(EventKind.EMAIL_CHANGE_ASKED, now, client)),
        }
        return self._accounts.update(guard, update)

    def cancel_email_change(self, user: User, now: datetime, client: Client) -> bool:
        update = {
            "$unset": {"pending_email": ""},
            "$push": push_events(event(EventKind.EMAIL_CHANGE_CANCELLED, now, client)),
        }
        return self._accounts.update({"_id": user.id, "pending_email": {"$ne": None}}, update)

    def change_email(
        self,
        user: User,
        pending: PendingEmail,
        now: datetime,
        client: Client,
        undo_for: timedelta,
    ) -> EmailChange:
        notice = owe(LetterKind.EMAIL_CHANGED, now, client, to=pending.email, other=user.email)
        undo = owe(
            LetterKind.EMAIL_CHANGED_UNDO,
            now,
            client,
            to=user.email,
            version=pending.version,
            other=pending.email,
        )
        guard = {
            "_id": user.id,
            "email_key": user.email_key,
            "pending_email.email_key": pending.email_key,
            "pending_email.version": pending.version,
        }
        change = Change(
            guard,
            set={
                "email": pending.email,
                "email_key": pending.email_key,
                # `$set` loses nothing here: the guard fails if another change or an undo came
                # between.
                "former_emails": _former(user, pending, now, undo_for),
            },
            # A reset link that was mailed to the old address must stop working.
            unset=dict(VOID_LINKS),
            events=[event(EventKind.EMAIL_CHANGED, now, client)],
            letters=[notice, undo],
        )
        # So must the links of a lost second factor.
        end_factor_reset(change, user, now, client)
        return self._move(change.guard, change.update, pending.email_key, now)

    def undo_email_change(
        self, user: User, former: FormerEmail, now: datetime, client: Client
    ) -> EmailChange:
        reset = owe(LetterKind.RESET, now, client, to=former.email)
        notices = [
            owe(LetterKind.EMAIL_UNDONE, now, client, to=to, other=user.email)
            for to in (former.email, user.email)
        ]
        guard = {
            "_id": user.id,
            "email_key": user.email_key,
            "former_emails": {
                "$elemMatch": {"version": former.version, "email_key": former.email_key}
            },
            "factors_version": same_factors(user),
            # New recovery codes change no version. Those of a thief must not outlive the undo.
            "recovery_codes.made_on": user.recovery_codes.made_on if user.recovery_codes else None,
        }
        new = {
            "email": former.email,
            "email_key": former.email_key,
            "password_hash": NO_PASSWORD,
            "sessions": [],
            "devices": [],
            # Only the reset link that goes to the restored address opens the account.
            "reset_letter_id": reset.id,
        }
        update = {
            "$set": new,
            "$inc": {
                "reset_version": 1,
                "email_version": 1,
                "factors_version": 1,
                "factor_reset_version": 1,
            },
            "$unset": clear(Cause.UNDO, replaced=new) | _factors_since(user, former.changed_on),
            "$pull": {
                # Undo links of later changes stop working, so that the other person cannot undo
                # the undo.
                "former_emails": {"version": {"$gte": former.version}},
                "passkeys": {"added_on": {"$gte": former.changed_on}},
            },
            "$push": push_letters(reset, *notices)
            | push_events(event(EventKind.EMAIL_UNDONE, now, client)),
        }
        return self._move(guard, update, former.email_key, now)

    def _move(
        self, guard: Document, update: Document, email_key: str, now: datetime
    ) -> EmailChange:
        """Applies a change of address. Deletes somebody else's unconfirmed account of the new
        address."""
        for _attempt in range(2):
            try:
                done = self._accounts.update(guard, update)
                return EmailChange.DONE if done else EmailChange.STALE
            except DuplicateKeyError:
                unconfirmed: Document = {"email_key": email_key, "confirmed": False}
                self._accounts.record_deletion(unconfirmed, Removal.GAVE_WAY, now)
                gone = self._accounts.collection.find_one_and_delete(unconfirmed, {"_id": 1})
                if gone:
                    self._accounts.publish(Event(EventKind.GAVE_WAY, gone["_id"], by=""))
        return EmailChange.TAKEN


def _factors_since(user: User, changed_on: datetime) -> Document:
    """For `$unset`: the factors besides passkeys that were added after a change of address. A thief
    who added an authenticator app would otherwise keep the owner out for good."""
    gone: Document = {}
    if user.totp and user.totp.added_on >= changed_on:
        gone["totp"] = ""
    if user.recovery_codes and user.recovery_codes.made_on >= changed_on:
        gone["recovery_codes"] = ""
    return gone


def _former(
    user: User, pending: PendingEmail, now: datetime, undo_for: timedelta
) -> list[Document]:
    """The former addresses and the present one. An address whose undo link may still be valid is
    always kept, even after many changes."""
    oldest_undo = now - undo_for - _LETTER_MAY_WAIT
    earlier, newest = user.former_emails[:-_MAX_FORMER], user.former_emails[-_MAX_FORMER:]
    kept = [*(known for known in earlier if known.changed_on > oldest_undo), *newest]
    present = FormerEmail(user.email, user.email_key, pending.version, changed_on=now)
    return [asdict(former) for former in (*kept, present)]
