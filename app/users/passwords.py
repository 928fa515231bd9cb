"""Passwords: which are strong enough, hashing and checking them."""

import base64
import hmac
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from threading import Lock

import bcrypt

from app.users import hash_queue

MIN_LENGTH = 8
MAX_LENGTH = 256

# zxcvbn scores from 0 to 4. A score of 2 takes more than 10^6 guesses, and the rate limits allow
# far fewer.
_MIN_SCORE = 2
# zxcvbn is slow on long passwords: 72 characters that an attacker chooses can take 5 s.
_SCORED_LENGTH = 32
# zxcvbn keeps the words of a call in a global variable, so calls must not overlap.
_scoring = Lock()
# Not a secret: it makes our digests differ from other uses of SHA-384. It is no setting, because a
# changed key would make every password wrong.
_DIGEST_KEY = b"latchkey password digest v1"


def _normal(password: str) -> str:
    """NFKC, so that a password from another keyboard or system is the same text (RFC 8265)."""
    return unicodedata.normalize("NFKC", password)


def _digest(password: str) -> bytes:
    """64 ASCII bytes that depend on every character. bcrypt reads at most 72 bytes, up to a NUL."""
    digest = hmac.digest(_DIGEST_KEY, _normal(password).encode("utf-8", "surrogatepass"), "sha384")
    return base64.b64encode(digest)


def hash_password(password: str, rounds: int) -> str:
    """The bcrypt hash to store; takes 2^rounds steps.

    Raises:
        HashQueueFull: too many passwords are being hashed.
    """
    digest, salt = _digest(password), bcrypt.gensalt(rounds)
    return hash_queue.current.run(lambda: bcrypt.hashpw(digest, salt)).decode()


def verify_password(password: str, password_hash: str) -> bool:
    """Whether the password is the one that was hashed; takes as long as hashing it.

    Raises:
        HashQueueFull: too many passwords are being hashed.
    """
    digest, stored = _digest(password), password_hash.encode()
    return hash_queue.current.run(lambda: bcrypt.checkpw(digest, stored))


def hash_rounds(password_hash: str) -> int:
    """The cost that a stored hash was made with."""
    return int(password_hash.split("$")[2])


def decoy_hash(rounds: int) -> str:
    """A hash that no password matches. It is checked when there is no account, so that the answer
    takes the same time."""
    return f"$2b${rounds:02}$" + "." * 53


NO_PASSWORD = decoy_hash(12)
"""The hash of an account that has no password. Only a password reset opens it."""


def hash_to_check(stored: str | None, rounds: int) -> str:
    """The stored hash, or a decoy hash with the cost of the setting when no password can be right.

    A stored hash with a lower cost is cheaper to check, until its owner signs in and it is
    replaced.
    """
    return decoy_hash(rounds) if stored is None or stored == NO_PASSWORD else stored


class WeaknessKind(Enum):
    """Why a password is refused."""

    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    GUESSABLE = "guessable"


@dataclass(frozen=True, slots=True)
class Weakness:
    """What is wrong with a new password."""

    kind: WeaknessKind
    advice: str = ""
    """zxcvbn's advice in English; may be empty."""


def length_weakness(password: str) -> Weakness | None:
    """TOO_SHORT or TOO_LONG for a new password, or None (ASVS 6.2.1)."""
    length = len(_normal(password))
    if length < MIN_LENGTH:
        return Weakness(WeaknessKind.TOO_SHORT)
    return Weakness(WeaknessKind.TOO_LONG) if length > MAX_LENGTH else None


def weakness(password: str, own_words: Iterable[str] = ()) -> Weakness | None:
    """What is wrong with a new password, or None.

    Length and guessability only, no composition rules (ASVS 6.2.1, 6.2.4, 6.2.5; NIST SP 800-63B).

    Args:
        own_words: the address and the name of the product, which guessers try first.
    """
    if wrong_length := length_weakness(password):
        return wrong_length
    # Imported at the first new password: loading its dictionaries takes a fifth of the start-up
    # time.
    from zxcvbn import zxcvbn

    words = [_normal(word)[:_SCORED_LENGTH] for word in own_words]
    with _scoring:
        result = zxcvbn(_normal(password)[:_SCORED_LENGTH], user_inputs=words)
    if result["score"] >= _MIN_SCORE:
        return None
    return Weakness(WeaknessKind.GUESSABLE, result["feedback"]["warning"] or "")
