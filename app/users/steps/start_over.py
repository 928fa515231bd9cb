"""Deleting an unconfirmed account whose address was mistyped."""

from datetime import datetime

from app.users.deletion_records import Removal
from app.users.events import EventKind
from app.users.steps.accounts import Accounts
from app.users.user import User


class StartOver:
    """The waiting person deletes the account."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def start_over(self, user: User, session_id: str, now: datetime) -> bool:
        guard = {"_id": user.id, "confirmed": False, "sessions.id": session_id}
        return self._accounts.remove(guard, Removal.STARTED_OVER, EventKind.STARTED_OVER, now)
