"""Signing in with a password."""

from dataclasses import dataclass

from flask import current_app

from app.flows.results import Limited, reports_busy
from app.mongo import users
from app.observability import audit_log
from app.security import rate_limits
from app.security.login_sessions import new_session
from app.users.client import Client
from app.users.clock import utcnow
from app.users.documents import random_id
from app.users.login_session import LoginSession
from app.users.passwords import hash_password, hash_to_check, verify_password
from app.users.user import User

# The account is looked up again when another sign-in has replaced its hash meanwhile.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session has started."""

    user: User
    session: LoginSession


@dataclass(frozen=True, slots=True)
class SecondStepDue:
    """The password is right, and a second factor must follow. Nothing was stored."""

    user: User


@dataclass(frozen=True, slots=True)
class NoMatch:
    """Address and password do not match; there may be no such account."""


@dataclass(frozen=True, slots=True)
class AccountDisabled:
    """The password is right, and the account is disabled."""


@reports_busy
def sign_in(
    email_key: str, password: str, client: Client, *, remember: bool
) -> SignedIn | SecondStepDue | NoMatch | AccountDisabled | Limited:
    """Looks the account up, compares a hash (also when there is no account), and starts a session
    unless a second step is due."""
    rounds = current_app.config["BCRYPT_LOG_ROUNDS"]
    session = new_session(client, remember=remember)
    user = users.find_by_email(email_key)
    if limited := rate_limits.check(*rate_limits.password_of(user, email_key, client)):
        return limited
    for _try in range(_TRIES):
        stored = hash_to_check(user.password_hash if user else None, rounds)
        if not verify_password(password, stored) or user is None:
            users.refuse_sign_in(user.id if user else random_id(), utcnow(), client)
            return NoMatch()
        if user.disabled_on:
            record_refusal("disabled", user)
            return AccountDisabled()
        if needs_second_step(user, client):
            audit_log.record("second_step_due", account=user.id)
            return SecondStepDue(user)
        stronger = hash_password(password, rounds) if user.wants_rehash(rounds) else None
        if users.sign_in(user, session, stronger):
            return SignedIn(user, session)
        # The hash has changed: there is a new password, or another sign-in stored a stronger hash.
        user = users.find_by_email(email_key)
    record_refusal("changed_meanwhile")
    return NoMatch()


def needs_second_step(user: User, client: Client) -> bool:
    """Whether the password alone does not sign this browser in."""
    return user.has_second_factor and not user.trusts(client.device, utcnow())


def record_refusal(reason: str, user: User | None = None) -> None:
    """Writes into the audit log why a sign-in with the right proof was refused."""
    account = user.id if user else None
    audit_log.record("sign_in_refused", outcome="refused", account=account, reason=reason)
