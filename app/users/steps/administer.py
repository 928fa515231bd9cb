"""What an administrator does to somebody else's account.

Administrators never see or choose a password, and never confirm an address. For resends, reset
links, ended sessions and deletions they use the steps of those journeys; `by` is then the
administrator's id.
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
    """Makes and unmakes administrators, disables and enables accounts. The owner gets a mail."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._last_admin = LastAdminGuard(accounts.collection)

    def grant(self, user: User, now: datetime, client: Client, by: str) -> bool:
        guard = same_admin_state(user) | {"confirmed": True, "disabled_on": None}
        notice = _notice(user, LetterKind.ADMIN_GRANTED, EventKind.ADMIN_GRANTED, now, client, by)
        # An administrator's browser never skips the second step.
        granted = {"$set": {"admin": True}, "$unset": {"trusted_browsers": ""}}
        done = self._accounts.update(guard, granted | notice)
        if done:
            self._last_admin.add(user.id, user.admin_version + 1)
        return done

    def withdraw(self, user: User, now: datetime, client: Client, by: str) -> GuardResult:
        if not user.admin:
            return GuardResult.CHANGED
        notice = _notice(
            user, LetterKind.ADMIN_WITHDRAWN, EventKind.ADMIN_WITHDRAWN, now, client, by
        )
        return self._remove(user, {"$set": {"admin": False}, **notice})

    def disable(self, user: User, now: datetime, client: Client, by: str) -> GuardResult:
        notice = _notice(user, LetterKind.ACCOUNT_DISABLED, EventKind.DISABLED, now, client, by)
        return self._remove(user, {"$set": {"disabled_on": now, "sessions": []}, **notice})

    def enable(self, user: User, now: datetime, client: Client, by: str) -> bool:
        guard = same_admin_state(user) | {"disabled_on": {"$ne": None}}
        notice = _notice(user, LetterKind.ACCOUNT_ENABLED, EventKind.ENABLED, now, client, by)
        done = self._accounts.update(guard, {"$unset": {"disabled_on": ""}, **notice})
        if done and user.admin:
            self._last_admin.add(user.id, user.admin_version + 1)
        return done

    def _remove(self, user: User, update: Document) -> GuardResult:
        guard = same_admin_state(user)
        return self._last_admin.run(user, lambda: self._accounts.update(guard, update))


def _notice(
    user: User, letter: LetterKind, kind: EventKind, now: datetime, client: Client, by: str
) -> Document:
    """The part that all these updates share: a higher version, a letter to the owner, an event."""
    return {
        "$inc": {"admin_version": 1},
        "$push": push_letters(owe(letter, now, to=user.email))
        | push_events(event(kind, now, client, by)),
    }
