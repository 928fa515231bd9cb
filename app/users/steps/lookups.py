"""Finding an account. Each look-up is one find by an index."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId

from app.users.events import ActivityEntry
from app.users.steps.accounts import PAGE_FIELDS, Accounts
from app.users.steps.updates import activity_of
from app.users.user import User


class Lookups:
    """Reads accounts."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts.collection

    def find(self, user_id: ObjectId) -> User | None:
        query = {"_id": user_id, "email": {"$ne": ""}}
        return as_user(self._accounts.find_one(query, PAGE_FIELDS))

    def find_by_email(self, email_key: str) -> User | None:
        return as_user(self._accounts.find_one({"email_key": email_key}, PAGE_FIELDS))

    def find_by_session(self, user_id: ObjectId, session_id: str) -> User | None:
        query = {"_id": user_id, "sessions.id": session_id, "disabled_on": None}
        return as_user(self._accounts.find_one(query, PAGE_FIELDS))

    def find_by_passkey(self, credential_id: str) -> User | None:
        # The second condition makes MongoDB use the partial index.
        query = {"$and": [{"passkeys.id": credential_id}, {"passkeys.id": {"$gt": ""}}]}
        return as_user(self._accounts.find_one(query, PAGE_FIELDS))

    def activity(self, user: User) -> list[ActivityEntry]:
        document = self._accounts.find_one({"_id": user.id}, {"events": 1}) or {}
        return activity_of(document, user)


def as_user(document: Mapping[str, Any] | None) -> User | None:
    """The account that was found."""
    return User.from_document(document) if document else None
