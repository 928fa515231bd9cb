"""Downloading everything that is stored about the account."""

from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from app.users.client import Client
from app.users.events import EventKind
from app.users.letters import Letter
from app.users.steps.accounts import Accounts
from app.users.steps.updates import activity_of, event, push_events
from app.users.user import POLICIES, User


class Export:
    """Collects every field that is declared as exported."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def export(self, user: User, now: datetime, client: Client) -> dict[str, Any]:
        downloaded = event(EventKind.EXPORTED, now, client)
        document = self._accounts.collection.find_one_and_update(
            {"_id": user.id},
            {"$push": push_events(downloaded)},
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            return {}
        self._accounts.publish_stored(user.id, [downloaded])
        account = User.from_document(document)
        stored = {
            "outbox": tuple(Letter.from_document(letter) for letter in document.get("outbox", ())),
            "events": tuple(activity_of(document, account)),
        }
        return {
            policy.export: policy.export_value(
                stored[name] if name in stored else getattr(account, name)
            )
            for name, policy in POLICIES.items()
            if policy.export
        }
