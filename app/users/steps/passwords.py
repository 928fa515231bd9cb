"""Changing the password, and getting back in without it."""

from dataclasses import asdict
from datetime import datetime

from app.users.happenings import Happening
from app.users.letters import LetterKind, owe
from app.users.steps.base import (
    TALLIES,
    Document,
    Steps,
    entry,
    event,
    one_more,
    push_events,
    push_letters,
    sum_up,
)
from app.users.user import EventKind, Origin, ResetDone, Session, User

# Whoever changed the password may have had a reason: links and changes that somebody else started
# end with it (SECURITY-BAR 14). An undo link stays, it is the way back for an owner who is robbed.
VOID_LINKS: Document = {"pending_email": "", "reset_letter_id": "", "reset_done": ""}


class Passwords(Steps):
    """Change and reset."""

    def ask_reset(self, email_key: str, now: datetime, origin: Origin, *events: Document) -> bool:
        """Owes a reset letter to whoever has the address; earlier reset links die.

        One that has not left yet is enough: its link is signed when it does. So a stranger who asks
        over and over fills neither the outbox nor the activity of the account.

        Args:
            events: for the activity, where it is not anybody who asks.

        Returns:
            False when there is no such account, or a letter is on its way. The page must not show
            the difference.
        """
        letter = owe(LetterKind.RESET, now, origin)
        inc, last = one_more("reset_asks", now, origin)
        on_its_way = {"$elemMatch": {"kind": LetterKind.RESET.value, "due_on": {"$ne": None}}}
        account = self._matched(
            {
                "email_key": email_key,
                "$or": [{"reset_letter_id": None}, {"outbox": {"$not": on_its_way}}],
            },
            {
                "$inc": {"reset_version": 1, **inc},
                "$set": {"reset_letter_id": letter.id, **last},
                "$push": push_letters(letter) | push_events(*events),
            },
        )
        if account:
            self._tell(Happening(EventKind.RESET_ASKED, account, by=""))
            self._tell_events(account, list(events))
        return account is not None

    def reset_password(
        self,
        user: User,
        version: int,
        password_hash: str,
        now: datetime,
        origin: Origin,
        browser: str = "",
        device: str = "",
    ) -> bool:
        """Sets a new password by a reset link, ends every session and voids every other link.

        The mail reached the address, so an unconfirmed account is confirmed by it.

        Args:
            version: what the link says.
            browser: by which a repetition is recognised, see `ResetDone`.
            device: the one that the account knows from now on; the others may be a thief's, or a
                squatter's (SECURITY-BAR 11).

        Returns:
            False when the link was used, replaced, or voided meanwhile.
        """
        query = {
            "_id": user.id,
            "email_key": user.email_key,
            "reset_version": version,
            "reset_letter_id": {"$ne": None},
            "confirmed": user.confirmed,
        }
        notice = owe(LetterKind.PASSWORD_RESET, now, origin, to=user.email)
        events, took = [*sum_up(user), event(EventKind.PASSWORD_RESET, now, origin)], None
        changes: Document = {
            "password_hash": password_hash,
            "sessions": [],
            "devices": [device] if device else [],
            "reset_done": asdict(ResetDone(version, browser)),
        }
        if not user.confirmed:
            changes |= {"confirmed": True, "confirmed_on": now}
            events.append(event(EventKind.CONFIRMED, now, origin))
            took = now - user.registered_on
        void = {name: "" for name in VOID_LINKS if name not in changes}
        return self._update(
            query,
            {
                "$set": changes,
                "$unset": {**void, **TALLIES, "expires_on": ""},
                "$push": push_letters(notice) | push_events(*events),
            },
            took=took,
        )

    def change_password(
        self, user: User, password_hash: str, session: Session, now: datetime, origin: Origin
    ) -> bool:
        """Sets a new password and leaves one session, which replaces the current one.

        Every other browser is a strange one from then on: it may be why the password was changed.

        Returns:
            False when the password that was checked is no longer the account's.
        """
        notice = owe(LetterKind.PASSWORD_CHANGED, now, origin, to=user.email)
        return self._update(
            {"_id": user.id, "password_hash": user.password_hash},
            {
                "$set": {
                    "password_hash": password_hash,
                    "sessions": [entry(session)],
                    "devices": [session.device],
                },
                "$unset": VOID_LINKS,
                "$push": push_letters(notice)
                | push_events(event(EventKind.PASSWORD_CHANGED, now, origin)),
            },
        )
