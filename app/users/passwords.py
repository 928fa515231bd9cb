"""Passwords: which are strong enough, hashing and checking them."""

import base64
import hmac
import unicodedata
from collections.abc import Iterable
from threading import Lock

import bcrypt
from zxcvbn import zxcvbn

from app.users import hashing

MIN_LENGTH = 8
MAX_LENGTH = 256

# zxcvbn's scale of 0 to 4; 2 needs more than 10^6 guesses, which online limits make hopeless.
_MIN_SCORE = 2
# zxcvbn's time grows faster than the length: 72 characters made for the purpose cost 5 s.
_SCORED_LENGTH = 32
# zxcvbn keeps the words of the call in hand in a global.
_scoring = Lock()
# Not a secret: it keeps our digests apart from other uses of SHA-384. It never changes, so that
# no rotation of a setting can lock people out.
_DIGEST_KEY = b"latchkey password digest v1"


def _normal(password: str) -> str:
    """NFKC: the same keys on another keyboard or system give the same password (RFC 8265)."""
    return unicodedata.normalize("NFKC", password)


def _digest(password: str) -> bytes:
    """64 ASCII bytes that depend on every character: bcrypt stops at 72 bytes and at a NUL."""
    digest = hmac.digest(_DIGEST_KEY, _normal(password).encode("utf-8", "surrogatepass"), "sha384")
    return base64.b64encode(digest)


def hash_password(password: str, rounds: int) -> str:
    """The bcrypt hash to store; takes 2^rounds steps.

    Raises:
        Busy: too many passwords are being hashed.
    """
    digest, salt = _digest(password), bcrypt.gensalt(rounds)
    return hashing.gate.run(lambda: bcrypt.hashpw(digest, salt)).decode()


def verify_password(password: str, password_hash: str) -> bool:
    """Whether the password is the one that was hashed; takes as long as hashing it.

    Raises:
        Busy: too many passwords are being hashed.
    """
    digest, stored = _digest(password), password_hash.encode()
    return hashing.gate.run(lambda: bcrypt.checkpw(digest, stored))


def hash_rounds(password_hash: str) -> int:
    """The cost that a stored hash was made with."""
    return int(password_hash.split("$")[2])


def decoy_hash(rounds: int) -> str:
    """A hash that no password matches, to check where there is no account: equal time for all."""
    return f"$2b${rounds:02}$" + "." * 53


NO_PASSWORD = decoy_hash(12)
"""For an account that only a reset gets into."""


def hash_to_check(stored: str | None, rounds: int) -> str:
    """The stored hash; where no password opens anything, one that costs what the setting says.

    One of an earlier setting costs less until its owner signs in, which makes it anew.
    """
    return decoy_hash(rounds) if stored is None or stored == NO_PASSWORD else stored


def weakness(password: str, own_words: Iterable[str] = ()) -> str | None:
    """What is wrong with a new password, as a sentence for the person, or None.

    Length and guessability only, no composition rules (ASVS 6.2.1, 6.2.4, 6.2.5; NIST SP 800-63B).

    Args:
        own_words: the address and the name of the product, which guessers try first.
    """
    length = len(_normal(password))
    if length < MIN_LENGTH:
        return f"Use at least {MIN_LENGTH} characters."
    if length > MAX_LENGTH:
        return f"Use at most {MAX_LENGTH} characters."
    words = [_normal(word)[:_SCORED_LENGTH] for word in own_words]
    with _scoring:
        result = zxcvbn(_normal(password)[:_SCORED_LENGTH], user_inputs=words)
    if result["score"] >= _MIN_SCORE:
        return None
    return result["feedback"]["warning"] or "This is too easy to guess. Add another word or two."
