"""Recovery codes: they sign in once each when the other second factors are out of reach.

A code has 24 characters of an alphabet of 32, 120 bits. So a plain keyed hash is enough to store it
(ASVS 6.5.2).
"""

import hmac
import secrets

from app.security.encryption import derived_keys
from app.users.second_factors import RECOVERY_CODES, RecoveryCodeUse
from app.users.user import User

# Crockford's base 32 leaves out the letters I, L, O and U. When read, look-alikes stand for the
# digits that they look like.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOK_ALIKES = str.maketrans("ILO", "110")
LENGTH, _GROUP = 24, 6


def new_codes() -> list[str]:
    """Ten new codes, written in groups of six."""
    return [_written() for _ in range(RECOVERY_CODES)]


def _written() -> str:
    text = "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))
    return "-".join(text[start : start + _GROUP] for start in range(0, LENGTH, _GROUP))


def hashes_of(codes: list[str], user: User) -> list[str]:
    """What is stored of the codes."""
    key = derived_keys("recovery codes")[0]
    return [_hash(key, user, plain(code)) for code in codes]


def plain(text: str) -> str:
    """A code as it is hashed: in capitals, without separators, with digits for look-alikes."""
    kept = (character for character in text.upper() if character.isalnum())
    return "".join(kept).translate(_LOOK_ALIKES)


def check_code(user: User, code: str) -> RecoveryCodeUse | None:
    """The use of a code that is left, or None.

    Args:
        code: as `plain` gives it.
    """
    left = user.recovery_codes.hashes if user.recovery_codes else ()
    for key in derived_keys("recovery codes"):
        found = _hash(key, user, code)
        if found in left:
            return RecoveryCodeUse(found)
    return None


def _hash(key: bytes, user: User, code: str) -> str:
    return hmac.digest(key, f"{user.id}:{code}".encode(), "sha256").hex()
