"""Proving again who one is, in a session that is signed in."""

from dataclasses import dataclass

from app.flows.factors import PasskeyRefused, WrongCode, check_code, check_passkey
from app.flows.results import (
    ChangedElsewhere,
    Limited,
    WrongPassword,
    check_password,
    reports_busy,
    with_newer_hash,
)
from app.mongo import users
from app.security import rate_limits
from app.security.passkeys import Challenge
from app.users.client import Client
from app.users.clock import utcnow
from app.users.second_factors import FactorUse
from app.users.user import User


@dataclass(frozen=True, slots=True)
class Proved:
    """The session has a new proof."""


@dataclass(frozen=True, slots=True)
class NotEnough:
    """The account has a second factor, and the session was signed in without one. There a password
    is no proof."""


@dataclass(frozen=True, slots=True)
class UsedMeanwhile:
    """The code or the passkey was right, but it was used at the same moment, or the account was
    changed. Nothing was done."""


def password_is_enough(user: User, session_id: str) -> bool:
    """Whether the password is a proof in this session."""
    session = user.session(session_id, utcnow())
    return session is not None and (session.second_factor or not user.has_second_factor)


@reports_busy
def prove_by_password(
    user: User, session_id: str, password: str, client: Client
) -> Proved | WrongPassword | NotEnough | ChangedElsewhere | Limited:
    """Checks the password and stores the proof."""
    if not password_is_enough(user, session_id):
        return NotEnough()
    if refusal := check_password(user, password, client):
        return refusal
    if users.prove(user, session_id, utcnow(), client):
        return Proved()
    fresh = with_newer_hash(user, password)
    if fresh and users.prove(fresh, session_id, utcnow(), client):
        return Proved()
    return ChangedElsewhere()


def prove_by_code(
    user: User, session_id: str, typed: str, client: Client
) -> Proved | WrongCode | UsedMeanwhile | Limited:
    """Uses a code of the app, or a recovery code."""
    match check_code(user, typed, client):
        case (WrongCode() | Limited()) as refusal:
            return refusal
        case use:
            return _store(user, session_id, client, use)


def prove_by_passkey(
    user: User, session_id: str, credential: str, challenge: Challenge | None, client: Client
) -> Proved | PasskeyRefused | UsedMeanwhile | Limited:
    """Uses a passkey; `credential` is the answer of the browser."""
    if limited := rate_limits.check(rate_limits.by_client("passkey", client)):
        return limited
    use = check_passkey(user, credential, challenge, client)
    if isinstance(use, PasskeyRefused):
        return use
    return _store(user, session_id, client, use)


def _store(user: User, session_id: str, client: Client, use: FactorUse) -> Proved | UsedMeanwhile:
    proved = users.prove(user, session_id, utcnow(), client, use)
    return Proved() if proved else UsedMeanwhile()
