"""The list of signed-in browsers: stores when they were seen, and ends them."""

from datetime import datetime

from bson import ObjectId

from app.users.client import Client
from app.users.documents import Document
from app.users.events import EventKind
from app.users.steps.accounts import Accounts
from app.users.steps.updates import event, push_events
from app.users.user import User


class Sessions:
    """Changes the account's `sessions`. A browser without a session is signed out on its next
    request."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def touch(self, user_id: ObjectId, session_id: str, now: datetime) -> None:
        guard = {"_id": user_id, "sessions.id": session_id}
        self._accounts.update(guard, {"$set": {"sessions.$.seen_on": now}})

    def end_session(self, user: User, session_id: str, now: datetime, client: Client) -> None:
        guard = {"_id": user.id, "sessions.id": session_id}
        self._end(guard, {"$pull": {"sessions": {"id": session_id}}}, now, client)

    def end_other_sessions(
        self, user: User, session_id: str, now: datetime, client: Client
    ) -> None:
        others = {"$pull": {"sessions": {"id": {"$ne": session_id}}}}
        self._end({"_id": user.id}, others, now, client)

    def end_all_sessions(self, user: User, now: datetime, client: Client, by: str) -> bool:
        guard = {"_id": user.id, "email_key": user.email_key}
        return self._end(guard, {"$set": {"sessions": []}}, now, client, by)

    def _end(
        self, guard: Document, update: Document, now: datetime, client: Client, by: str = "self"
    ) -> bool:
        ended = event(EventKind.SESSIONS_ENDED, now, client, by)
        return self._accounts.update(guard, update | {"$push": push_events(ended)})
