"""Encryption of what is stored, and keys for other purposes, derived from SECRET_KEY.

`cryptography` is imported when it is first needed: it takes 50 ms, and most processes never use it
before their first answer.
"""

from functools import cache
from typing import TYPE_CHECKING

from flask import current_app

from app.security.signing import signing_keys

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_TOTP_SECRETS = "totp secrets"


def encrypt(text: str) -> str:
    """The text under the newest key."""
    return _fernet(_keys()).encrypt(text.encode()).decode()


def decrypt(stored: str) -> str | None:
    """The text, also under a key of SECRET_KEY_FALLBACKS; None if none of the keys fits."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet(_keys()).decrypt(stored).decode()
    except InvalidToken:
        return None


def under_newest_key(stored: str) -> str | None:
    """The same text under the newest key; None if it is stored under that key already."""
    from cryptography.fernet import InvalidToken

    keys = _keys()
    try:
        _fernet(keys[:1]).decrypt(stored)
    except InvalidToken:
        return _fernet(keys).rotate(stored).decode()
    return None


def derived_keys(purpose: str) -> tuple[bytes, ...]:
    """Keys of 32 bytes for one purpose, newest first (HKDF, RFC 5869)."""
    return _derived(_keys(), purpose)


def _keys() -> tuple[str, ...]:
    """SECRET_KEY and its former values, newest first."""
    return tuple(reversed(signing_keys(current_app.config)))


@cache
def _derived(keys: tuple[str, ...], purpose: str) -> tuple[bytes, ...]:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = f"latchkey {purpose}".encode()
    return tuple(HKDF(SHA256(), 32, salt=None, info=info).derive(key.encode()) for key in keys)


@cache
def _fernet(keys: tuple[str, ...]) -> "MultiFernet":
    from base64 import urlsafe_b64encode

    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in _derived(keys, _TOTP_SECRETS)])
