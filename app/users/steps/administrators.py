"""Administrators: how they are made, and what they do for, or to, somebody else's account.

They never see or choose a password, and never confirm an address that was not proven.
"""

from datetime import datetime, timedelta

from pymongo.errors import DuplicateKeyError

from app.users.addresses import Address
from app.users.council import Council, Departure
from app.users.happenings import Deed, Happening
from app.users.letters import LetterKind, owe
from app.users.steps.base import Document, event, push_events, push_letters, same_power
from app.users.steps.leaving import Leaving
from app.users.steps.lookups import Lookups
from app.users.steps.passwords import Passwords
from app.users.steps.registering import Registering
from app.users.user import EventKind, Origin, User, random_id


class Administrators(Lookups, Registering, Passwords, Leaving):
    """Made, promoted, and at work. `by` is the acting administrator's id."""

    def create_admin(self, address: Address, password_hash: str, now: datetime) -> bool:
        """Makes a confirmed administrator.

        Returns:
            False when the address has an account already.
        """
        account = random_id()
        try:
            self._users.insert_one(
                {
                    "_id": account,
                    "email": address.typed,
                    "email_key": address.key,
                    "password_hash": password_hash,
                    "registered_on": now,
                    "confirmed": True,
                    "confirmed_on": now,
                    "token_version": 1,
                    "admin": True,
                }
            )
        except DuplicateKeyError:
            return False
        self._tell(Happening(Deed.ADMIN_CREATED, account, by="administrator"))
        return True

    def promote(self, email_key: str, now: datetime) -> bool:
        """Makes a confirmed account an administrator's, from the shell; it keeps its password.

        Returns:
            False when there is no confirmed account of that address.
        """
        user = self.find_by_email(email_key)
        if user is None or not user.confirmed:
            return False
        return user.admin or self.grant(user, now, Origin(), by="administrator")

    def grant(self, user: User, now: datetime, origin: Origin, by: str) -> bool:
        """Makes it an administrator's, and tells its owner.

        Returns:
            False when the account is not confirmed, is disabled, or was changed meanwhile.
        """
        query = same_power(user) | {"confirmed": True, "disabled_on": None}
        notice = owe(LetterKind.ADMIN_GRANTED, now, to=user.email)
        done = self._update(
            query,
            {
                "$set": {"admin": True},
                "$inc": {"admin_version": 1},
                "$push": push_letters(notice)
                | push_events(event(EventKind.ADMIN_GRANTED, now, origin, by)),
            },
        )
        if done:
            Council(self._users).welcome(user.id, user.admin_version + 1)
        return done

    def withdraw(self, user: User, now: datetime, origin: Origin, by: str) -> Departure:
        """Ends its being an administrator's, effective on the next request; its owner is told."""
        notice = owe(LetterKind.ADMIN_WITHDRAWN, now, to=user.email)
        update: Document = {
            "$set": {"admin": False},
            "$inc": {"admin_version": 1},
            "$push": push_letters(notice)
            | push_events(event(EventKind.ADMIN_WITHDRAWN, now, origin, by)),
        }
        if not user.admin:
            return Departure.CHANGED
        return self._depart(user, update)

    def disable(self, user: User, now: datetime, origin: Origin, by: str) -> Departure:
        """Ends every session and lets nobody sign in until it is enabled; its owner is told."""
        notice = owe(LetterKind.ACCOUNT_DISABLED, now, to=user.email)
        return self._depart(
            user,
            {
                "$set": {"disabled_on": now, "sessions": []},
                "$inc": {"admin_version": 1},
                "$push": push_letters(notice)
                | push_events(event(EventKind.DISABLED, now, origin, by)),
            },
        )

    def enable(self, user: User, now: datetime, origin: Origin, by: str) -> bool:
        """Lets its owner sign in again, and tells so.

        Returns:
            False when it was not disabled, or was changed meanwhile.
        """
        notice = owe(LetterKind.ACCOUNT_ENABLED, now, to=user.email)
        done = self._update(
            same_power(user) | {"disabled_on": {"$ne": None}},
            {
                "$unset": {"disabled_on": ""},
                "$inc": {"admin_version": 1},
                "$push": push_letters(notice)
                | push_events(event(EventKind.ENABLED, now, origin, by)),
            },
        )
        if done and user.admin:
            Council(self._users).welcome(user.id, user.admin_version + 1)
        return done

    def remove(self, user: User, now: datetime, by: str) -> Departure:
        """Deletes the account as its owner could; a last mail says who did it."""
        return self.delete(user, now, Origin(), LetterKind.ACCOUNT_REMOVED, by=by)

    def end_all_sessions(self, user: User, now: datetime, origin: Origin, by: str) -> bool:
        """Signs every browser out on its next request; False when the account is gone."""
        return self._update(
            {"_id": user.id, "email_key": user.email_key},
            {
                "$set": {"sessions": []},
                "$push": push_events(event(EventKind.SESSIONS_ENDED, now, origin, by)),
            },
        )

    def resend_for(self, user: User, now: datetime, origin: Origin, by: str) -> bool:
        """Owes a new confirmation letter, whatever the cooldown: somebody has asked for help.

        Returns:
            False when the address is confirmed already, or another mail was asked for meanwhile.
        """
        return self.resend(
            user, now, timedelta(0), event(EventKind.CONFIRMATION_SENT, now, origin, by)
        )

    def send_reset(self, user: User, now: datetime, origin: Origin, by: str) -> bool:
        """Owes a letter to choose a new password; False when one is on its way already."""
        return self.ask_reset(
            user.email_key, now, origin, event(EventKind.RESET_SENT, now, origin, by)
        )

    def _depart(self, user: User, update: Document) -> Departure:
        """Applies what leaves an administrator without power, unless it is the last one's."""

        def step() -> bool:
            return self._update(same_power(user), update)

        if user.admin and user.disabled_on is None:
            return Council(self._users).leave(user.id, user.admin_version, step)
        return Departure.DONE if step() else Departure.CHANGED
