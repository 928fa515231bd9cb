"""Signing out."""

from bson import ObjectId

from app.users.events import EventKind
from app.users.steps.accounts import Accounts


class SignOut:
    """Ends a browser's own session."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def sign_out(self, user_id: ObjectId, session_id: str) -> None:
        guard = {"_id": user_id, "sessions.id": session_id}
        update = {"$pull": {"sessions": {"id": session_id}}}
        self._accounts.update(guard, update, EventKind.SIGNED_OUT)
