"""Checks of a second factor that several flows share: what was typed, or a passkey's answer."""

import unicodedata
from dataclasses import dataclass

from app.mongo import users
from app.observability import audit_log
from app.security import passkeys, rate_limits, recovery_codes, totp
from app.security.passkeys import Challenge, PasskeyRefusal
from app.security.rate_limits import Limited
from app.users.client import Client
from app.users.clock import utcnow
from app.users.second_factors import FactorUse, PasskeyUse
from app.users.user import User

_TOTP_DIGITS = 6
_LONGEST_CODE = 100  # as typed, with spaces


@dataclass(frozen=True, slots=True)
class WrongCode:
    """The code is wrong, was used already, or has the wrong shape."""


@dataclass(frozen=True, slots=True)
class PasskeyRefused:
    """The answer of the browser is not valid for this account; nothing was done."""

    why: PasskeyRefusal


def check_code(user: User, typed: str, client: Client) -> FactorUse | WrongCode | Limited:
    """Checks a code of the app or a recovery code. A right code is used up only by the step that
    stores its use."""
    if limited := rate_limits.check(*rate_limits.second_factor_of(user, client)):
        return limited
    use = _matching(user, plain_code(typed))
    if use is None:
        audit_log.record("second_factor_refused", outcome="refused", account=user.id, kind="code")
        return WrongCode()
    return use


def plain_code(typed: str) -> str:
    """A typed code without separators, in ASCII capitals; empty if it is much too long."""
    if len(typed) > _LONGEST_CODE:
        return ""
    text = unicodedata.normalize("NFKC", typed).upper()
    return "".join(char for char in text if char.isascii() and char.isalnum())


def is_code(typed: str) -> bool:
    """Whether this may be a code of the app or a recovery code."""
    code = plain_code(typed)
    return len(code) == recovery_codes.LENGTH or (len(code) == _TOTP_DIGITS and code.isdigit())


def is_recovery_code(typed: str) -> bool:
    """Whether this may be a recovery code, and no code of the app."""
    return len(plain_code(typed)) == recovery_codes.LENGTH


def check_passkey(
    user: User | None,
    credential: str,
    challenge: Challenge | None,
    client: Client,
    *,
    identified: bool = True,
) -> PasskeyUse | PasskeyRefused:
    """Verifies the answer of a browser about a passkey of this account. The caller counts the
    attempt, by client only: a stranger must not use up the codes of an account.

    Args:
        identified: whether the account was known before the passkey was used.
    """
    use = passkeys.verify_assertion(credential, challenge, user, utcnow(), identified=identified)
    if isinstance(use, PasskeyUse):
        return use
    if use is PasskeyRefusal.CLONED and user:
        _report_clone(user, credential, client)
    return refuse_passkey(user, use)


def refuse_passkey(user: User | None, why: PasskeyRefusal) -> PasskeyRefused:
    """Records that a passkey was refused."""
    audit_log.record(
        "second_factor_refused",
        outcome="refused",
        account=user.id if user else None,
        kind="passkey",
        reason=why.name.lower(),
    )
    return PasskeyRefused(why)


def _matching(user: User, code: str) -> FactorUse | None:
    if user.totp and len(code) == _TOTP_DIGITS and code.isdigit():
        return totp.check_code(user.totp, code, utcnow())
    if len(code) == recovery_codes.LENGTH:
        return recovery_codes.check_code(user, recovery_codes.plain(code))
    return None


def _report_clone(user: User, credential: str, client: Client) -> None:
    cloned = passkeys.credential_id(credential)
    for passkey in user.passkeys:
        if passkey.id == cloned:
            users.report_cloned_passkey(user, passkey, utcnow(), client)
