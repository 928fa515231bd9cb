"""What an administrator does to somebody else's account.

Administrators never see or choose a password, and never confirm an address. What they start for
somebody (a resend, a reset link, the end of all sessions, a deletion) is the step of that journey
with `by`, the administrator's id.
"""

from datetime import datetime

from app.users.client import Client
from app.users.documents import Document
from app.users.events import EventKind
from app.users.last_admin_guard import GuardResult, LastAdminGuard
from app.users.letters import LetterKind, owe
from app.users.steps.accounts import Accounts
from app.users.steps.updates import event, push_events, push_letters, same_admin_state
from app.users.user import User


class Administer:
    """Grants and withdraws administration, disables and enables accounts. The owner is told."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._last_admin = LastAdminGuard(accounts.collection)

    def grant(self, user: User, now: datetime, client: Client, by: str) -> bool:
        guard = same_admin_state(user) | {"confirmed": True, "disabled_on": None}
        told = _told(user, LetterKind.ADMIN_GRANTED, EventKind.ADMIN_GRANTED, now, client, by)
        done = self._accounts.update(guard, {"$set": {"admin": True}, **told})
        if done:
            self._last_admin.add(user.id, user.admin_version + 1)
        return done

    def withdraw(self, user: User, now: datetime, client: Client, by: str) -> GuardResult:
        if not user.admin:
            return GuardResult.CHANGED
        told = _told(user, LetterKind.ADMIN_WITHDRAWN, EventKind.ADMIN_WITHDRAWN, now, client, by)
        return self._remove(user, {"$set": {"admin": False}, **told})

    def disable(self, user: User, now: datetime, client: Client, by: str) -> GuardResult:
        told = _told(user, LetterKind.ACCOUNT_DISABLED, EventKind.DISABLED, now, client, by)
        return self._remove(user, {"$set": {"disabled_on": now, "sessions": []}, **told})

    def enable(self, user: User, now: datetime, client: Client, by: str) -> bool:
        guard = same_admin_state(user) | {"disabled_on": {"$ne": None}}
        told = _told(user, LetterKind.ACCOUNT_ENABLED, EventKind.ENABLED, now, client, by)
        done = self._accounts.update(guard, {"$unset": {"disabled_on": ""}, **told})
        if done and user.admin:
            self._last_admin.add(user.id, user.admin_version + 1)
        return done

    def _remove(self, user: User, update: Document) -> GuardResult:
        guard = same_admin_state(user)
        return self._last_admin.run(user, lambda: self._accounts.update(guard, update))


def _told(
    user: User, letter: LetterKind, kind: EventKind, now: datetime, client: Client, by: str
) -> Document:
    """What each of these updates has: a higher version, a letter to the owner, an event."""
    return {
        "$inc": {"admin_version": 1},
        "$push": push_letters(owe(letter, now, to=user.email))
        | push_events(event(kind, now, client, by)),
    }
