"""Deleting an account."""

from datetime import datetime, timedelta

from app.users.client import Client
from app.users.clock import EPOCH
from app.users.deletion_records import Removal
from app.users.documents import Document
from app.users.events import Event, EventKind
from app.users.last_admin_guard import GuardResult, LastAdminGuard
from app.users.letters import LetterKind, owe
from app.users.passwords import NO_PASSWORD
from app.users.steps.accounts import Accounts
from app.users.steps.updates import same_admin_state
from app.users.user import User

# How long the goodbye letter may wait for the mail server. Then the TTL index deletes it.
_GOODBYE_LASTS = timedelta(days=4)


class Delete:
    """Replaces the account by one owed letter, the goodbye."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def delete(
        self,
        user: User,
        now: datetime,
        client: Client,
        kind: LetterKind = LetterKind.ACCOUNT_DELETED,
        by: str = "self",
    ) -> GuardResult:
        goodbye = owe(kind, now, client, to=user.email)
        # The whole document is replaced, so no field of the account can be forgotten.
        tombstone: Document = {
            "email": "",
            "email_key": f"deleted:{user.id}",  # not an address: it has no @
            "password_hash": NO_PASSWORD,
            "registered_on": EPOCH,  # the deletion record has the date, without a name
            "confirmed": False,
            "confirmed_on": None,
            "token_version": user.token_version + 1,
            "admin": False,
            "expires_on": now + _GOODBYE_LASTS,
            "outbox": [goodbye.document()],
        }
        guard = same_admin_state(user) | {"password_hash": user.password_hash}

        def step() -> bool:
            self._accounts.record_deletion(guard, Removal.DELETED, now)
            if not self._accounts.collection.replace_one(guard, tombstone).matched_count:
                return False
            self._accounts.publish(Event(EventKind.DELETED, user.id, by=by))
            return True

        return LastAdminGuard(self._accounts.collection).run(user, step)
