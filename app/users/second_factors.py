"""The second factors of an account, as stored in its document, and what was used to sign in."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from app.users.documents import DocumentView

MAX_PASSKEYS = 20
RECOVERY_CODES = 10
FEW_RECOVERY_CODES = 2
"""At so few codes the pages and mails offer new ones."""


@dataclass(frozen=True, slots=True)
class Totp(DocumentView):
    """The authenticator app."""

    id: str
    secret: str
    """Encrypted (see `security/encryption.py`)."""
    added_on: datetime
    last_step: int
    """The time step of the last code that was used. Only later ones count (RFC 6238, 5.2)."""
    used_on: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passkey(DocumentView):
    """A passkey, or a security key."""

    id: str
    """The credential id in base64url. No other account has it; an index sees to that."""
    public_key: bytes
    name: str
    added_on: datetime
    counter: int = 0
    """The last signature counter. Synced passkeys always report 0."""
    last_challenge: int = 0
    """When the challenge of the last assertion was issued, in microseconds since 1970. Only
    challenges that were issued later count."""
    used_on: datetime | None = None
    synced: bool = False
    """Whether the passkey is copied to the person's other devices."""

    @property
    def handle(self) -> str:
        """Identifies the passkey in URLs."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RecoveryCodes(DocumentView):
    """The recovery codes that are left."""

    made_on: datetime
    hashes: tuple[str, ...] = ()

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        hashes = {"hashes": tuple(document.get("hashes", ()))}
        return super(RecoveryCodes, cls).from_document({**document, **hashes})


@dataclass(frozen=True, slots=True)
class TrustedBrowser(DocumentView):
    """A known browser that is not asked for the second step."""

    device: str
    """The id of the known browser, from its lasting cookie."""
    trusted_on: datetime
    expires_on: datetime
    address: str = ""
    browser: str = ""

    @property
    def handle(self) -> str:
        """Identifies the browser on pages. The id itself stays secret."""
        return hashlib.sha256(self.device.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class FactorReset(DocumentView):
    """A reset of all second factors that waits, because the person has lost them."""

    version: int
    """The version that its links carry."""
    asked_on: datetime
    ready_on: datetime
    """From then on the link of the last mail and the password remove the factors."""


@dataclass(frozen=True, slots=True)
class TotpUse:
    """A code of the authenticator app that matched."""

    totp: Totp
    step: int
    """The time step of the code."""
    secret_again: str | None = None
    """The secret under the newest key, if it is stored under a former one."""


@dataclass(frozen=True, slots=True)
class RecoveryCodeUse:
    """A recovery code that matched."""

    hash: str


@dataclass(frozen=True, slots=True)
class PasskeyUse:
    """An assertion that was verified."""

    passkey: Passkey
    challenge: int
    """When its challenge was issued, in microseconds since 1970."""
    counter: int
    synced: bool
    user_verified: bool
    """Whether the device has checked a PIN, a finger or a face. Then it counts as both factors."""


FactorUse = TotpUse | RecoveryCodeUse | PasskeyUse
