"""The account as the app sees it: frozen views of one document in `users`.

An attribute with a default is all that a new field needs: documents from before take the default.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from bson import ObjectId

from app.users.passwords import hash_rounds

MAX_CODE_TRIES, MAX_CODE_TRIES_TOTAL = 5, 10


def random_id() -> ObjectId:
    """An id for an account. An ordinary ObjectId tells when and by which process it was made, and
    the cookie shows it: that would tell a new account from an address that was taken."""
    return ObjectId(secrets.token_bytes(12))


@dataclass(frozen=True, slots=True)
class View:
    """Reads a (sub)document: what it lacks takes the default, what is unknown is passed over."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in document.items() if name in names})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as far as it says."""

    address: str = ""
    browser: str = ""


class EventKind(StrEnum):
    """What can happen on an account."""

    REGISTERED = "registered"
    CONFIRMED = "confirmed"
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    PASSWORD_CHANGED = "password_changed"
    RESET_ASKED = "reset_asked"
    PASSWORD_RESET = "password_reset"
    EMAIL_CHANGE_ASKED = "email_change_asked"
    EMAIL_CHANGE_CANCELLED = "email_change_cancelled"
    EMAIL_CHANGED = "email_changed"
    EMAIL_UNDONE = "email_undone"
    SESSIONS_ENDED = "sessions_ended"
    EXPORTED = "exported"
    CONFIRMATION_SENT = "confirmation_sent"
    RESET_SENT = "reset_sent"
    DISABLED = "disabled"
    ENABLED = "enabled"
    ADMIN_GRANTED = "admin_granted"
    ADMIN_WITHDRAWN = "admin_withdrawn"


@dataclass(frozen=True, slots=True)
class Event(View):
    """A line of the account's activity."""

    kind: str
    at: datetime
    by: str = "self"
    address: str = ""
    browser: str = ""
    count: int = 1


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
    device: str = ""
    """Which browser it is, as far as its lasting cookie tells."""
    address: str = ""
    browser: str = ""

    @property
    def handle(self) -> str:
        """Names the session on pages: the id itself is half of what signs a browser in."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:16]

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
class PendingEmail(View):
    """An address that the account shall have once it is proven. It signs nobody in."""

    email: str
    email_key: str
    version: int
    """What a link must carry to make it so."""
    asked_on: datetime
    letter_id: str


@dataclass(frozen=True, slots=True)
class FormerEmail(View):
    """An address that the account had, and that may take it back for some time."""

    email: str
    email_key: str
    version: int
    changed_on: datetime


@dataclass(frozen=True, slots=True)
class ResetDone(View):
    """The last reset: by which link, and from which browser.

    Whoever did it and lost the answer sends the form again, and must not be told that somebody
    else has used the link.
    """

    version: int
    browser: str


@dataclass(frozen=True, slots=True)
class Tally(View):
    """What anybody can do to an account as often as they like, since the last sign-in: counted, not
    a line each, so that nobody can push what matters out of the activity."""

    count: int
    at: datetime
    address: str = ""
    browser: str = ""


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
    admin_version: int = 0
    """Goes up whenever being an administrator, or being disabled, changes."""
    disabled_on: datetime | None = None
    """Nobody can sign in since then."""
    expires_on: datetime | None = None
    confirm_mail: ConfirmMail | None = None
    sessions: tuple[Session, ...] = ()
    code_tries: int = 0
    """Wrong codes since the newest mail."""
    code_tries_total: int = 0
    devices: tuple[str, ...] = ()
    """Browsers that have been signed in before."""
    refusals: Tally | None = None
    """Wrong passwords."""
    reset_asks: Tally | None = None
    """Links to choose a new password."""
    reset_version: int = 0
    reset_letter_id: str | None = None
    """The newest reset letter; none once it is void."""
    reset_done: ResetDone | None = None
    email_version: int = 0
    pending_email: PendingEmail | None = None
    former_emails: tuple[FormerEmail, ...] = ()

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        parts: dict[str, Any] = {"id": document["_id"]}
        for name, view in _PARTS.items():
            if document.get(name):
                parts[name] = view.from_document(document[name])
        for name, view in _LISTS.items():
            parts[name] = tuple(view.from_document(entry) for entry in document.get(name, ()))
        parts["devices"] = tuple(document.get("devices", ()))
        return super(User, cls).from_document({**document, **parts})

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

    @property
    def codes_left(self) -> int:
        """How many codes may still be tried: five a mail, ten in all, then only links confirm.

        Holding a session on somebody else's address must never become a way to guess it confirmed.
        """
        left = min(MAX_CODE_TRIES - self.code_tries, MAX_CODE_TRIES_TOTAL - self.code_tries_total)
        return max(0, left)

    def resend_in(self, cooldown: int, now: datetime) -> int:
        """Seconds until another confirmation mail may be asked for."""
        if self.confirm_mail is None:
            return 0
        wait = self.confirm_mail.asked_on + timedelta(seconds=cooldown) - now
        return max(0, -(-wait // timedelta(seconds=1)))

    def wants_rehash(self, rounds: int) -> bool:
        """Whether the setting asks for a costlier hash than the stored one."""
        return hash_rounds(self.password_hash) < rounds

    def knows(self, device: str) -> bool:
        """Whether that browser has been signed in before; of none seen, none is strange."""
        return not self.devices or device in self.devices


_PARTS: dict[str, type[View]] = {
    "confirm_mail": ConfirmMail,
    "pending_email": PendingEmail,
    "refusals": Tally,
    "reset_asks": Tally,
    "reset_done": ResetDone,
}
_LISTS: dict[str, type[View]] = {"sessions": Session, "former_emails": FormerEmail}
