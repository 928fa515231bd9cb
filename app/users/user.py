"""The account as the app sees it: frozen views of one document in `users`.

An attribute with a default is all that a new field needs: documents from before take the default.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Self

from bson import ObjectId

from app.users.passwords import hash_rounds


def random_id() -> ObjectId:
    """An id for an account. An ordinary ObjectId tells when and by which process it was made, and
    the cookie shows it: that would tell a new account from an address that was taken."""
    return ObjectId(secrets.token_bytes(12))


@dataclass(frozen=True, slots=True)
class View:
    """Reads a (sub)document: what it lacks takes the default, what is unknown is passed over."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        names = {attribute.name for attribute in fields(cls)}
        return cls(**{name: value for name, value in document.items() if name in names})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as far as it says."""

    address: str = ""
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Session(View):
    """One signed-in browser, an entry of the account's `sessions`."""

    id: str
    signed_in_on: datetime
    seen_on: datetime
    expires_on: datetime
    """The last moment it may be alive, whatever happens ("remember me" sets it)."""
    idle_seconds: int
    """How long it lives without being seen."""
    address: str = ""
    browser: str = ""

    def alive(self, now: datetime) -> bool:
        """Both lifetimes are kept here, on the server (ASVS 7.3.1, 7.3.2)."""
        return now < self.expires_on and now < self.seen_on + timedelta(seconds=self.idle_seconds)


@dataclass(frozen=True, slots=True)
class ConfirmMail(View):
    """How the newest confirmation mail fares; `id` is its letter's."""

    id: str
    asked_on: datetime
    sent_on: datetime | None = None
    refused: str | None = None
    """The mail server's words, when it has refused the address for good."""


@dataclass(frozen=True, slots=True)
class User(View):
    """An account. `confirmed_on` is None until the address is proven."""

    id: ObjectId
    email: str
    email_key: str
    password_hash: str
    registered_on: datetime
    token_version: int
    confirmed: bool = False
    confirmed_on: datetime | None = None
    admin: bool = False
    expires_on: datetime | None = None
    confirm_mail: ConfirmMail | None = None
    sessions: tuple[Session, ...] = field(default=())

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        mail = document.get("confirm_mail")
        sessions = document.get("sessions", ())
        return super(User, cls).from_document(
            {
                **document,
                "id": document["_id"],
                "confirm_mail": ConfirmMail.from_document(mail) if mail else None,
                "sessions": tuple(Session.from_document(session) for session in sessions),
            }
        )

    @property
    def mail_state(self) -> str:
        """How the newest confirmation mail fares: `queued`, `sent` or `failed`."""
        if self.confirm_mail and self.confirm_mail.refused:
            return "failed"
        return "sent" if self.confirm_mail and self.confirm_mail.sent_on else "queued"

    def session(self, session_id: str, now: datetime) -> Session | None:
        """The session of that id, if it is alive."""
        for session in self.sessions:
            if session.id == session_id and session.alive(now):
                return session
        return None

    def resend_in(self, cooldown: int, now: datetime) -> int:
        """Seconds until another confirmation mail may be asked for."""
        if self.confirm_mail is None:
            return 0
        wait = self.confirm_mail.asked_on + timedelta(seconds=cooldown) - now
        return max(0, -(-wait // timedelta(seconds=1)))

    def wants_rehash(self, rounds: int) -> bool:
        """Whether the setting asks for a costlier hash than the stored one."""
        return hash_rounds(self.password_hash) < rounds
