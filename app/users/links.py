"""Signed links: what a mail carries.

Each purpose has its own salt, so a token of one kind fails on every other route. A link works once
because it names a version of the account's state (`token_version`); there is no list of used
tokens. What a link is worth is decided in `link_outcomes`.
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


class Reading(Enum):
    """How reading a token ended."""

    VALID = "valid"
    EXPIRED = "expired"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says. Nothing is known of a damaged one."""

    reading: Reading
    user_id: ObjectId | None = None
    email_key: str = ""
    version: int = 0
    signed_on: datetime | None = None


_DAMAGED = Link(Reading.DAMAGED)


class LinkSigner:
    """Makes and reads tokens.

    Args:
        keys: the newest last, as itsdangerous wants them. All are accepted, the last one signs.
        salt: the salt of this installation.
        max_age: for each purpose the seconds that a link lives.
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
        """The six digits that confirm as the link does. The first is the one to send; the others
        were made with former keys. None is stored."""
        told = f"{self._salt}:code:{user_id}:{email_key}:{version}".encode()
        return [
            f"{int.from_bytes(hmac.digest(key.encode(), told, 'sha256')[:8]) % 10**6:06}"
            for key in reversed(self._keys)
        ]

    def read(self, purpose: Purpose, token: str) -> Link:
        """What the token says; a forged, foreign or malformed one is `DAMAGED`, never an error."""
        try:
            payload, signed_on = self._serializers[purpose].loads(token, return_timestamp=True)
            as_signed = _as_signed(token)
        except (BadData, ValueError, OverflowError):
            return _DAMAGED
        if not as_signed or signed_on > utcnow() + CLOCK_TOLERANCE:
            return _DAMAGED
        user_id, email_key, version = payload
        fresh = utcnow() - signed_on <= timedelta(seconds=self.max_age[purpose])
        reading = Reading.VALID if fresh else Reading.EXPIRED
        return Link(reading, ObjectId(user_id), email_key, version, signed_on)


def _as_signed(token: str) -> bool:
    """Whether the signature is spelled as we spell it: base64 has several spellings for one
    value."""
    signature = token.rpartition(".")[2]
    return base64_encode(base64_decode(signature)).decode() == signature
