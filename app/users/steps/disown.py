"""Deleting an unconfirmed account because the owner of the mailbox says: "I did not sign up"."""

from datetime import datetime

from bson import ObjectId

from app.users.deletion_records import Removal
from app.users.events import EventKind
from app.users.steps.accounts import Accounts


class Disown:
    """The owner of the mailbox deletes the account."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def disown(self, user_id: ObjectId, email_key: str, version: int, now: datetime) -> bool:
        guard = {
            "_id": user_id,
            "email_key": email_key,
            "token_version": version,
            "confirmed": False,
        }
        return self._accounts.remove(guard, Removal.DISOWNED, EventKind.DISOWNED, now)
