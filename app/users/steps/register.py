"""Registering an address."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.users.addresses import Address
from app.users.documents import Document, random_id
from app.users.events import Event, EventKind
from app.users.field_policy import Cause
from app.users.letters import LetterKind, owe
from app.users.login_session import LoginSession
from app.users.steps.accounts import PAGE_FIELDS, Accounts
from app.users.steps.profile import refuse_other_fields
from app.users.steps.updates import clear, event, owe_confirmation, push_letters
from app.users.user import User


class Register:
    """Makes accounts, and warns the owner of an account when somebody registers its address."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def register(
        self,
        address: Address,
        password_hash: str,
        session: LoginSession,
        unconfirmed_for: timedelta,
        profile: Mapping[str, Any] | None = None,
    ) -> User | None:
        refuse_other_fields(profile)
        now = session.signed_in_on
        letter, confirm_mail = owe_confirmation(now)
        new = {
            **(profile or {}),
            "email": address.typed,
            "password_hash": password_hash,
            "registered_on": now,
            "expires_on": now + unconfirmed_for,
            "confirm_mail": confirm_mail,
            "code_tries": 0,
            "resends": 0,
            "sessions": [asdict(session)],
            "devices": [session.device],
            "events": [event(EventKind.REGISTERED, now, session.client)],
        }
        update = {
            "$set": new,
            "$setOnInsert": {"_id": random_id(), "confirmed_on": None, "admin": False},
            "$inc": {"token_version": 1},
            # Nothing of an earlier claim stays that its maker could use later.
            "$unset": clear(Cause.TAKEOVER, replaced=new),
            # The outbox is kept: a reset letter may be owed to the owner of the mailbox. The worker
            # drops overtaken confirmation letters.
            "$push": push_letters(letter),
        }
        # The unique index raises when the account is confirmed, and also when two inserts collide.
        # After a collision the second try succeeds: it takes over the account of the other insert.
        for _attempt in range(2):
            try:
                document: Document = self._accounts.collection.find_one_and_update(
                    {"email_key": address.key, "confirmed": False},
                    update,
                    projection=PAGE_FIELDS,
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )  # type: ignore[assignment]  # an upsert always finds something
            except DuplicateKeyError:
                continue
            again = document["token_version"] > 1
            self._accounts.publish(Event(EventKind.REGISTERED, document["_id"], again=again))
            return User.from_document(document)
        return None

    def owe_account_exists(self, email_key: str, now: datetime, pause: timedelta) -> bool:
        kind = LetterKind.ACCOUNT_EXISTS
        guard = {
            "email_key": email_key,
            "confirmed": True,
            "exists_told_on": {"$not": {"$gt": now - pause}},
            "outbox": {"$not": {"$elemMatch": {"kind": kind.value, "due_on": {"$ne": None}}}},
        }
        update = {"$set": {"exists_told_on": now}, "$push": push_letters(owe(kind, now))}
        return self._accounts.update(guard, update, EventKind.OWNER_TOLD)
