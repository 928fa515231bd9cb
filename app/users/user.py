"""The account as the app sees it: a frozen view of one document in `users`.

A new field is one declared attribute with a default. Older documents take the default; there is
no migration.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from bson import ObjectId

from app.users.documents import DocumentView
from app.users.events import Tally
from app.users.field_policy import CLEARED, KEPT, FieldPolicy, declared, only, policies_of
from app.users.login_session import LoginSession
from app.users.passwords import hash_rounds
from app.users.refusals import Refusal, judge_words
from app.users.second_factors import (
    FactorReset,
    Passkey,
    RecoveryCodes,
    Totp,
    TrustedBrowser,
)

MAX_CODE_TRIES, MAX_CODE_TRIES_TOTAL = 5, 10


@dataclass(frozen=True, slots=True)
class ConfirmMail(DocumentView):
    """The state of the newest confirmation mail; `id` is the id of its letter."""

    id: str
    asked_on: datetime
    sent_on: datetime | None = None
    refused: str | None = None
    """The mail server's words if the mail is not tried again. For administrators only."""
    refusal: str | None = None
    """The kind of that refusal; see `refused_as`."""

    @property
    def refused_as(self) -> Refusal | None:
        """Why the mail is not tried again; None if it may still arrive."""
        if not self.refused:
            return None
        # An older version stored no kind, and a newer one may know more kinds.
        return Refusal(self.refusal) if self.refusal in set(Refusal) else judge_words(self.refused)


@dataclass(frozen=True, slots=True)
class PendingEmail(DocumentView):
    """A new address that is not confirmed yet. Nobody can sign in with it."""

    email: str
    email_key: str
    version: int
    """The version that a link must carry."""
    asked_on: datetime
    letter_id: str


@dataclass(frozen=True, slots=True)
class FormerEmail(DocumentView):
    """An address that the account had. Its owner can take the account back for some time."""

    email: str
    email_key: str
    version: int
    changed_on: datetime


@dataclass(frozen=True, slots=True)
class ResetDone(DocumentView):
    """The last reset: by which link, and from which browser.

    A person who did not get the answer sends the form again. The page must not say then that the
    link was used by somebody else.
    """

    version: int
    browser: str
    """A hash of the browser's CSRF secret (see `app/web/session_cookie.py`)."""


@dataclass(frozen=True, slots=True)
class User(DocumentView):
    """An account. `confirmed_on` is None until the address is confirmed.

    Each field declares whether a takeover, a reset and the undo of a changed address clear it, and
    under which name the export shows it. See `field_policy`.
    """

    id: ObjectId = declared(takeover=KEPT, reset=KEPT, undo=KEPT, export=None)
    email: str = declared(takeover=CLEARED, reset=KEPT, undo=CLEARED, export="email")
    email_key: str = declared(takeover=KEPT, reset=KEPT, undo=CLEARED, export=None)
    password_hash: str = declared(takeover=CLEARED, reset=CLEARED, undo=CLEARED, export=None)
    registered_on: datetime = declared(
        takeover=CLEARED, reset=KEPT, undo=KEPT, export="registered_on"
    )
    token_version: int = declared(takeover=KEPT, reset=KEPT, undo=KEPT, export=None)
    confirmed: bool = declared(False, takeover=KEPT, reset=KEPT, undo=KEPT, export="confirmed")
    confirmed_on: datetime | None = declared(
        None, takeover=KEPT, reset=KEPT, undo=KEPT, export="confirmed_on"
    )
    admin: bool = declared(False, takeover=KEPT, reset=KEPT, undo=KEPT, export="administrator")
    admin_version: int = declared(0, takeover=KEPT, reset=KEPT, undo=KEPT, export=None)
    """Goes up when the account becomes or stops being an administrator, and when it is disabled or
    enabled."""
    disabled_on: datetime | None = declared(
        None, takeover=KEPT, reset=KEPT, undo=KEPT, export="disabled_on"
    )
    """Since then nobody can sign in."""
    expires_on: datetime | None = declared(
        None, takeover=CLEARED, reset=CLEARED, undo=KEPT, export="expires_on"
    )
    """When MongoDB deletes the account, unless it is confirmed."""
    reminded_on: datetime | None = declared(
        None, takeover=CLEARED, reset=KEPT, undo=KEPT, export="reminded_on"
    )
    confirm_mail: ConfirmMail | None = declared(
        None,
        takeover=CLEARED,
        reset=KEPT,
        undo=KEPT,
        export="confirmation_mail",
        export_value=only("asked_on", "sent_on"),
    )
    resends: int = declared(
        0,
        takeover=CLEARED,
        reset=KEPT,
        undo=KEPT,
        export="confirmation_mails_asked_for",
        export_value=lambda resends: resends + 1,
    )
    """Confirmation mails asked for after the first one."""
    code_tries: int = declared(0, takeover=CLEARED, reset=KEPT, undo=KEPT, export=None)
    """Wrong codes since the newest mail."""
    code_tries_total: int = declared(0, takeover=KEPT, reset=KEPT, undo=KEPT, export=None)
    """Wrong codes in all. A takeover keeps it, so that a squatter cannot guess without end."""
    exists_told_on: datetime | None = declared(
        None, takeover=KEPT, reset=KEPT, undo=KEPT, export="told_of_registration_on"
    )
    """When the owner was last told that somebody tried to register this address."""
    sessions: tuple[LoginSession, ...] = declared(
        (),
        takeover=CLEARED,
        reset=CLEARED,
        undo=CLEARED,
        export="sessions",
        export_value=only("signed_in_on", "seen_on", "expires_on", "address", "browser", "name"),
    )
    devices: tuple[str, ...] = declared(
        (),
        takeover=CLEARED,
        reset=CLEARED,
        undo=CLEARED,
        export="known_browsers",
        export_value=len,
    )
    """Ids of the browsers that have been signed in before."""
    refusals: Tally | None = declared(
        None, takeover=CLEARED, reset=CLEARED, undo=CLEARED, export=None
    )
    """Wrong passwords. The export shows them in the activity."""
    reset_asks: Tally | None = declared(
        None, takeover=CLEARED, reset=CLEARED, undo=KEPT, export=None
    )
    """Reset links asked for. The export shows them in the activity."""
    reset_version: int = declared(0, takeover=KEPT, reset=KEPT, undo=KEPT, export=None)
    reset_letter_id: str | None = declared(
        None, takeover=KEPT, reset=CLEARED, undo=CLEARED, export=None
    )
    """The id of the newest reset letter; None when no reset link is valid. A takeover keeps it,
    because the letter goes to the owner of the mailbox, who may be the earlier or the later
    claimant."""
    reset_done: ResetDone | None = declared(
        None, takeover=CLEARED, reset=CLEARED, undo=CLEARED, export=None
    )
    email_version: int = declared(0, takeover=KEPT, reset=KEPT, undo=KEPT, export=None)
    pending_email: PendingEmail | None = declared(
        None,
        takeover=CLEARED,
        reset=CLEARED,
        undo=CLEARED,
        export="pending_email",
        export_value=only("email", "asked_on"),
    )
    former_emails: tuple[FormerEmail, ...] = declared(
        (),
        takeover=CLEARED,
        reset=KEPT,
        undo=KEPT,
        export="former_emails",
        export_value=only("email", "changed_on"),
    )
    """A reset keeps them: they are the way back for an owner whose account was stolen."""

    # A reset keeps the second factors of a confirmed account, since a mailbox alone must not be
    # enough. `steps/reset.py` and `steps/change_email.py` have the exceptions.
    totp: Totp | None = declared(
        None,
        takeover=CLEARED,
        reset=KEPT,
        unconfirmed_reset=CLEARED,
        undo=KEPT,
        export="authenticator_app",
        export_value=only("added_on", "used_on"),
    )
    passkeys: tuple[Passkey, ...] = declared(
        (),
        takeover=CLEARED,
        reset=KEPT,
        unconfirmed_reset=CLEARED,
        undo=KEPT,
        export="passkeys",
        export_value=only("name", "added_on", "used_on", "synced"),
    )
    recovery_codes: RecoveryCodes | None = declared(
        None,
        takeover=CLEARED,
        reset=KEPT,
        unconfirmed_reset=CLEARED,
        undo=KEPT,
        export="recovery_codes_left",
        export_value=lambda codes: len(codes.hashes) if codes else 0,
    )
    factors_version: int = declared(0, takeover=KEPT, reset=KEPT, undo=KEPT, export=None)
    """Goes up with every factor that is added or removed."""
    trusted_browsers: tuple[TrustedBrowser, ...] = declared(
        (),
        takeover=CLEARED,
        reset=CLEARED,
        undo=CLEARED,
        export="trusted_browsers",
        export_value=only("trusted_on", "expires_on", "address", "browser"),
    )
    factor_reset: FactorReset | None = declared(
        None,
        takeover=CLEARED,
        reset=CLEARED,
        undo=CLEARED,
        export="second_factor_reset",
        export_value=only("asked_on", "ready_on"),
    )
    """A reset of the second factors that waits."""
    factor_reset_version: int = declared(0, takeover=KEPT, reset=KEPT, undo=KEPT, export=None)
    passkey_offer_dismissed: bool = declared(
        False, takeover=CLEARED, reset=KEPT, undo=KEPT, export="passkey_offer_dismissed"
    )
    language: str | None = declared(
        None,
        takeover=CLEARED,
        reset=KEPT,
        unconfirmed_reset=CLEARED,
        undo=KEPT,
        export="language",
        editable=True,
    )
    """The language that the person has chosen, as a BCP 47 tag."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        parts: dict[str, Any] = {"id": document["_id"]}
        for name, view in _PARTS.items():
            if document.get(name):
                parts[name] = view.from_document(document[name])
        for name, view in _LISTS.items():
            parts[name] = tuple(view.from_document(entry) for entry in document.get(name, ()))
        parts["devices"] = tuple(document.get("devices", ()))
        # Older documents have no count. There the version shows it: each mail asked for has raised
        # it.
        parts["resends"] = document.get("resends", max(0, document["token_version"] - 1))
        return super(User, cls).from_document({**document, **parts})

    @property
    def mail_state(self) -> str:
        """The state of the newest confirmation mail: `queued`, `sent` or `failed`."""
        if self.confirm_mail and self.confirm_mail.refused:
            return "failed"
        return "sent" if self.confirm_mail and self.confirm_mail.sent_on else "queued"

    def session(self, session_id: str, now: datetime) -> LoginSession | None:
        """The session with that id, if it is alive."""
        for session in self.sessions:
            if session.id == session_id and session.alive(now):
                return session
        return None

    @property
    def codes_left(self) -> int:
        """How many codes may still be tried: five per mail, ten in all. Then only links work.

        Otherwise a person who registered somebody else's address could guess the code.
        """
        left = min(MAX_CODE_TRIES - self.code_tries, MAX_CODE_TRIES_TOTAL - self.code_tries_total)
        return max(0, left)

    def code_expired(self, now: datetime, max_age: timedelta) -> bool:
        """Whether the code in the newest mail is too old. Its age counts from when the mail was
        sent."""
        mail = self.confirm_mail
        return mail is None or now - (mail.sent_on or mail.asked_on) > max_age

    def resend_in(self, cooldown: int, now: datetime) -> int:
        """Seconds until another confirmation mail may be asked for."""
        if self.confirm_mail is None:
            return 0
        wait = self.confirm_mail.asked_on + timedelta(seconds=cooldown) - now
        return max(0, -(-wait // timedelta(seconds=1)))

    @property
    def has_second_factor(self) -> bool:
        """Whether a password alone does not sign in."""
        return self.totp is not None or bool(self.passkeys)

    def passkey(self, handle: str) -> Passkey | None:
        """The passkey with that handle."""
        return next((passkey for passkey in self.passkeys if passkey.handle == handle), None)

    def trusts(self, device: str, now: datetime) -> bool:
        """Whether that browser may skip the second step. An administrator's never may."""
        return not self.admin and any(
            trusted.device == device and now < trusted.expires_on
            for trusted in self.trusted_browsers
        )

    def wants_rehash(self, rounds: int) -> bool:
        """Whether the setting asks for a stronger hash than the stored one."""
        return hash_rounds(self.password_hash) < rounds

    def knows(self, device: str) -> bool:
        """Whether that browser has been signed in before."""
        return device in self.devices


class Decoy(User):
    """What only stands in for somebody else's account (see `users/decoys.py`)."""

    __slots__ = ()


_PARTS: dict[str, type[DocumentView]] = {
    "confirm_mail": ConfirmMail,
    "pending_email": PendingEmail,
    "refusals": Tally,
    "reset_asks": Tally,
    "reset_done": ResetDone,
    "totp": Totp,
    "recovery_codes": RecoveryCodes,
    "factor_reset": FactorReset,
}
_LISTS: dict[str, type[DocumentView]] = {
    "sessions": LoginSession,
    "former_emails": FormerEmail,
    "passkeys": Passkey,
    "trusted_browsers": TrustedBrowser,
}

# Pages do not read these two; see `PAGE_FIELDS` in `steps/accounts.py`.
_NOT_ON_PAGES = {
    "outbox": FieldPolicy(
        # Not `trouble`, because the mail server's words may name our accounts and hosts.
        KEPT,
        KEPT,
        KEPT,
        KEPT,
        "letters_on_their_way",
        only("kind", "owed_on"),
    ),
    "events": FieldPolicy(
        CLEARED,
        KEPT,
        KEPT,
        KEPT,
        "activity",
        only("kind", "at", "by", "address", "browser", "count"),
    ),
}

POLICIES = policies_of(User) | _NOT_ON_PAGES
"""What becomes of every stored field of an account."""
EDITABLE = frozenset(name for name, policy in POLICIES.items() if policy.editable)
"""The fields that a person may fill in."""
