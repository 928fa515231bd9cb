"""Signed links for mails.

Each purpose has its own salt, so a token of one kind fails on every other route. A link works once
because it names a version of the account's state (`token_version`); there is no list of used
tokens. `link_outcomes` decides whether a link can be used.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from bson import ObjectId
from itsdangerous import BadData, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from app.users.clock import utcnow

SIGNATURES: dict[str, Any] = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
"""How links and cookies are signed, for itsdangerous, whose default is SHA-1 (ASVS 11.4.1)."""

# How far the clock of the machine that signed may be ahead of ours.
CLOCK_TOLERANCE = timedelta(seconds=60)


class Purpose(Enum):
    """What a link is for; the value is part of the salt."""

    CONFIRM = "confirm"
    RESET = "reset"
    EMAIL_CHANGE = "email change"
    EMAIL_UNDO = "email undo"
    FACTOR_RESET_START = "factor reset start"
    FACTOR_RESET_FINISH = "factor reset finish"
    FACTOR_KEEP = "factor keep"


class Reading(Enum):
    """The result of reading a token."""

    VALID = "valid"
    EXPIRED = "expired"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Link:
    """The contents of a token. For a damaged token all but `reading` is empty."""

    reading: Reading
    user_id: ObjectId | None = None
    email_key: str = ""
    version: int = 0
    signed_on: datetime | None = None


_DAMAGED = Link(Reading.DAMAGED)


class LinkSigner:
    """Makes and reads tokens.

    Args:
        keys: the signing keys, newest last, as itsdangerous expects. The last key signs; all are
            accepted.
        salt: the salt of this installation.
        max_age: the lifetime of links in seconds, by purpose.
    """

    def __init__(self, keys: Sequence[str], salt: str, max_age: dict[Purpose, int]) -> None:
        self.max_age = max_age
        self._keys, self._salt = tuple(keys), salt
        self._serializers = {
            purpose: URLSafeTimedSerializer(
                list(keys),
                salt=f"{salt}:{purpose.value}",
                signer_kwargs=SIGNATURES,
            )
            for purpose in Purpose
        }

    def mint(self, purpose: Purpose, user_id: ObjectId, email_key: str, version: int) -> str:
        """A token that starts to age now."""
        return str(self._serializers[purpose].dumps([str(user_id), email_key, version]))

    def codes(self, user_id: ObjectId, email_key: str, version: int) -> list[str]:
        """The six-digit codes that confirm like the link, one for each key. The first one is sent;
        the others are accepted too. Codes are computed and not stored."""
        message = f"{self._salt}:code:{user_id}:{email_key}:{version}".encode()
        return [
            f"{int.from_bytes(hmac.digest(key.encode(), message, 'sha256')[:8]) % 10**6:06}"
            for key in reversed(self._keys)
        ]

    def read(self, purpose: Purpose, token: str) -> Link:
        """Reads a token. A forged, foreign or malformed token gives `DAMAGED`; nothing is
        raised."""
        try:
            payload, signed_on = self._serializers[purpose].loads(token, return_timestamp=True)
            as_written = _is_as_written(token)
        except (BadData, ValueError, OverflowError):
            return _DAMAGED
        if not as_written or signed_on > utcnow() + CLOCK_TOLERANCE:
            return _DAMAGED
        user_id, email_key, version = payload
        fresh = utcnow() - signed_on <= timedelta(seconds=self.max_age[purpose])
        reading = Reading.VALID if fresh else Reading.EXPIRED
        return Link(reading, ObjectId(user_id), email_key, version, signed_on)


def _is_as_written(token: str) -> bool:
    """Whether the signature is written as we write it. Several base64 texts have the same value."""
    signature = token.rpartition(".")[2]
    return base64_encode(base64_decode(signature)).decode() == signature
