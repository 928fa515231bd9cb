"""Taking one's data along, and leaving."""

from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from app.clock import EPOCH
from app.users.council import Council, Departure
from app.users.departed import DELETED
from app.users.happenings import Deed, Happening
from app.users.letters import LetterKind, owe
from app.users.passwords import NO_PASSWORD
from app.users.steps.base import Document, Steps, event, push_events, same_power
from app.users.steps.lookups import activity_of
from app.users.user import EventKind, Origin, User

# What the last letter needs to leave; then nothing remains, and the TTL index makes sure of it.
_TOMBSTONE_LASTS = timedelta(days=4)


class Leaving(Steps):
    """Export and deletion."""

    def export(self, user: User, now: datetime, origin: Origin) -> dict[str, Any]:
        """All that is held about the account, and notes that it was taken.

        Not the hash, ids of sessions and browsers, or the inside of letters: they are keys.
        """
        taken = event(EventKind.EXPORTED, now, origin)
        document = self._users.find_one_and_update(
            {"_id": user.id},
            {"$push": push_events(taken)},
            return_document=ReturnDocument.AFTER,
        )
        if document:
            self._tell_events(user.id, [taken])
        stored = document or {}
        pending, mail = user.pending_email, user.confirm_mail
        return {
            "email": user.email,
            "registered_on": user.registered_on,
            "confirmed": user.confirmed,
            "confirmed_on": user.confirmed_on,
            "administrator": user.admin,
            "confirmation_mail": mail and {"asked_on": mail.asked_on, "sent_on": mail.sent_on},
            "confirmation_mails_asked_for": user.token_version,
            "pending_email": pending and {"email": pending.email, "asked_on": pending.asked_on},
            "former_emails": [
                {"email": former.email, "changed_on": former.changed_on}
                for former in user.former_emails
            ],
            "known_browsers": len(user.devices),
            "sessions": [
                {
                    "signed_in_on": session.signed_in_on,
                    "seen_on": session.seen_on,
                    "expires_on": session.expires_on,
                    "address": session.address,
                    "browser": session.browser,
                }
                for session in user.sessions
            ],
            "letters_on_their_way": [
                {"kind": letter["kind"], "owed_on": letter["owed_on"], "trouble": letter["trouble"]}
                for letter in stored.get("outbox", ())
            ],
            "activity": [
                {
                    "kind": str(happened.kind),
                    "at": happened.at,
                    "by": happened.by,
                    "address": happened.address,
                    "browser": happened.browser,
                    "count": happened.count,
                }
                for happened in activity_of(stored, user)
            ],
        }

    def delete(
        self,
        user: User,
        now: datetime,
        origin: Origin,
        kind: LetterKind = LetterKind.ACCOUNT_DELETED,
        by: str = "self",
    ) -> Departure:
        """Replaces the account by one owed letter, the goodbye; the address is free at once.

        The worker removes what is left once that letter has gone (see `Outbox.settle`).

        Returns:
            CHANGED when the password that was checked is no longer the account's; LAST when it is
            the last administrator's.
        """
        goodbye = owe(kind, now, origin, to=user.email)
        tombstone: Document = {
            "email": "",
            "email_key": f"deleted:{user.id}",  # no address: it has no @
            "password_hash": NO_PASSWORD,
            "registered_on": EPOCH,  # when it was is noted, without a name, in `departed`
            "confirmed": False,
            "confirmed_on": None,
            "token_version": user.token_version + 1,
            "admin": False,
            "expires_on": now + _TOMBSTONE_LASTS,
            "outbox": [goodbye.document()],
        }
        guard = same_power(user) | {"password_hash": user.password_hash}

        def step() -> bool:
            self._departed.note(guard, DELETED, now)
            if not self._users.replace_one(guard, tombstone).matched_count:
                return False
            self._tell(Happening(Deed.DELETED, user.id, by=by))
            return True

        if user.admin and user.disabled_on is None:
            return Council(self._users).leave(user.id, user.admin_version, step)
        return Departure.DONE if step() else Departure.CHANGED
