"""Accounts in MongoDB: one public method, one atomic command on one document.

A write carries its guard in its filter and reports what it found; nothing is read, changed in
Python and written back. Every method raises `pymongo.errors.PyMongoError` when the outcome is
unknown, and may then be repeated.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from app.users.addresses import Address
from app.users.letters import Letter, LetterKind, owe
from app.users.user import Origin, Session, User, random_id

Document = dict[str, Any]

# A page needs neither; they are read where they are shown.
_PAGE_FIELDS = {"outbox": 0, "events": 0}
# Newest kept. More sessions than this is a script, more events than this nobody reads, and more
# letters than this at once to one account would be a flood.
_MAX_SESSIONS, _MAX_EVENTS, _MAX_LETTERS = 50, 50, 50


def _push(field: str, entry: Document, keep: int) -> Document:
    return {field: {"$each": [entry], "$slice": -keep}}


def _event(kind: str, now: datetime, origin: Origin) -> Document:
    return {
        "kind": kind,
        "at": now,
        "by": "self",
        "address": origin.address,
        "browser": origin.browser,
    }


def _owed_confirmation(now: datetime) -> tuple[Letter, Document]:
    """A confirmation letter, and the account's note that this one is the newest."""
    letter = owe(LetterKind.CONFIRM, now)
    return letter, {"id": letter.id, "asked_on": now, "sent_on": None, "refused": None}


class UserRepository:
    """The `users` collection as the steps of a person's journey.

    Args:
        users: the collection, with majority write concern on a real server.
    """

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users

    # Looking up

    def find(self, user_id: ObjectId) -> User | None:
        """The account of that id."""
        return _user(self._users.find_one({"_id": user_id}, _PAGE_FIELDS))

    def find_by_email(self, email_key: str) -> User | None:
        """The account of that address, confirmed or not."""
        return _user(self._users.find_one({"email_key": email_key}, _PAGE_FIELDS))

    def find_by_session(self, user_id: ObjectId, session_id: str) -> User | None:
        """The account that is signed in with this session: the one find of every signed-in page."""
        query = {"_id": user_id, "sessions.id": session_id}
        return _user(self._users.find_one(query, _PAGE_FIELDS))

    # Registering and confirming

    def register(
        self,
        address: Address,
        password_hash: str,
        session: Session,
        origin: Origin,
        unconfirmed_for: timedelta,
    ) -> User | None:
        """Makes an account, or lets the newest claim take over an unconfirmed one.

        The sessions, letters and links of an earlier claim end with it, so whoever confirms
        holds the password of the claim that is confirmed (SECURITY-BAR 12, 13).

        Returns:
            The account, signed in; None when a confirmed account has the address.
        """
        now = session.signed_in_on
        letter, confirm_mail = _owed_confirmation(now)
        claim = {
            "$set": {
                "email": address.typed,
                "password_hash": password_hash,
                "registered_on": now,
                "expires_on": now + unconfirmed_for,
                "confirm_mail": confirm_mail,
                "sessions": [_entry(session)],
                "outbox": [letter.document()],
                "events": [_event("registered", now, origin)],
            },
            "$setOnInsert": {"_id": random_id(), "confirmed_on": None, "admin": False},
            "$inc": {"token_version": 1},
        }
        # The unique index raises for a confirmed account, and also for the loser of two racing
        # inserts. The second try tells them apart: by then the winner is there to be taken over.
        for _attempt in range(2):
            try:
                return _user(
                    self._users.find_one_and_update(
                        {"email_key": address.key, "confirmed": False},
                        claim,
                        projection=_PAGE_FIELDS,
                        upsert=True,
                        return_document=ReturnDocument.AFTER,
                    )
                )
            except DuplicateKeyError:
                continue
        return None

    def owe_account_exists(self, email_key: str, now: datetime, pause: timedelta) -> bool:
        """Owes the owner of a confirmed account the letter that somebody tried to register it.

        Returns:
            False when one was owed less than `pause` ago.
        """
        query = {
            "email_key": email_key,
            "confirmed": True,
            "exists_told_on": {"$not": {"$gt": now - pause}},
        }
        return self._update(
            query,
            {
                "$set": {"exists_told_on": now},
                "$push": _push(
                    "outbox", owe(LetterKind.ACCOUNT_EXISTS, now).document(), _MAX_LETTERS
                ),
            },
        )

    def resend(self, user: User, now: datetime, cooldown: timedelta) -> bool:
        """Owes a new confirmation letter and makes every earlier link worthless.

        Returns:
            False when the last one is younger than `cooldown`, or another step came first.
        """
        letter, confirm_mail = _owed_confirmation(now)
        query = {
            "_id": user.id,
            "token_version": user.token_version,
            "confirmed": False,
            "confirm_mail.asked_on": {"$not": {"$gt": now - cooldown}},
        }
        return self._update(
            query,
            {
                "$inc": {"token_version": 1},
                "$set": {"confirm_mail": confirm_mail},
                "$push": _push("outbox", letter.document(), _MAX_LETTERS),
            },
        )

    def confirm(
        self,
        user: User,
        version: int,
        now: datetime,
        origin: Origin,
        session: Session | None = None,
    ) -> bool:
        """Confirms the address, if the link's version is still the account's.

        Every session alive belongs to this claim, so they live on.

        Args:
            version: what the link says.
            session: a new one, when the person was signed out and gave the password.

        Returns:
            False when a newer mail, a newer claim or another confirmation came first.
        """
        query = {
            "_id": user.id,
            "email_key": user.email_key,
            "token_version": version,
            "confirmed": False,
        }
        pushes = _push("events", _event("confirmed", now, origin), _MAX_EVENTS)
        if session:
            pushes |= _push("sessions", _entry(session), _MAX_SESSIONS)
        return self._update(
            query,
            {
                "$set": {"confirmed": True, "confirmed_on": now},
                "$unset": {"expires_on": ""},
                "$push": pushes,
            },
        )

    def disown(self, user_id: ObjectId, email_key: str, version: int) -> bool:
        """Removes an unconfirmed account whose mailbox's owner did not sign up.

        Returns:
            False when the account was confirmed or claimed anew since the mail.
        """
        query = {
            "_id": user_id,
            "email_key": email_key,
            "token_version": version,
            "confirmed": False,
        }
        return self._users.delete_one(query).deleted_count == 1

    # Signing in and out

    def sign_in(
        self, user: User, session: Session, origin: Origin, stronger_hash: str | None = None
    ) -> bool:
        """Adds a session, if the password that was checked is still the account's.

        Args:
            stronger_hash: replaces the stored one when the cost setting has gone up.

        Returns:
            False when the password changed, or the account went, since it was looked up.
        """
        now = session.signed_in_on
        update: Document = {
            "$push": _push("sessions", _entry(session), _MAX_SESSIONS)
            | _push("events", _event("signed_in", now, origin), _MAX_EVENTS)
        }
        if stronger_hash:
            update["$set"] = {"password_hash": stronger_hash}
        return self._update({"_id": user.id, "password_hash": user.password_hash}, update)

    def sign_out(self, user_id: ObjectId, session_id: str) -> None:
        """Ends a session: a copied cookie is dead from now on (ASVS 7.4.1)."""
        self._update({"_id": user_id}, {"$pull": {"sessions": {"id": session_id}}})

    def touch(self, user_id: ObjectId, session_id: str, now: datetime) -> None:
        """Notes that a session was seen, which is what its idle lifetime counts from."""
        query = {"_id": user_id, "sessions.id": session_id}
        self._update(query, {"$set": {"sessions.$.seen_on": now}})

    # Administrators

    def create_admin(self, address: Address, password_hash: str, now: datetime) -> bool:
        """Makes a confirmed administrator.

        Returns:
            False when the address has an account already.
        """
        try:
            self._users.insert_one(
                {
                    "_id": random_id(),
                    "email": address.typed,
                    "email_key": address.key,
                    "password_hash": password_hash,
                    "registered_on": now,
                    "confirmed": True,
                    "confirmed_on": now,
                    "token_version": 1,
                    "admin": True,
                }
            )
        except DuplicateKeyError:
            return False
        return True

    def promote(self, email_key: str) -> bool:
        """Makes a confirmed account an administrator's; it keeps its password.

        Returns:
            False when there is no confirmed account of that address.
        """
        return self._update({"email_key": email_key, "confirmed": True}, {"$set": {"admin": True}})

    def _update(self, query: Document, update: Document) -> bool:
        """Whether the one document that the guard describes was there."""
        return self._users.update_one(query, update).matched_count == 1


def _entry(session: Session) -> Document:
    return {
        "id": session.id,
        "signed_in_on": session.signed_in_on,
        "seen_on": session.seen_on,
        "expires_on": session.expires_on,
        "idle_seconds": session.idle_seconds,
        "address": session.address,
        "browser": session.browser,
    }


def _user(document: Mapping[str, Any] | None) -> User | None:
    return User.from_document(document) if document else None
