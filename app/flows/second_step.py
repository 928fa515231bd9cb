"""The second step of a sign-in, after the right password: a code, or a passkey of the account."""

from dataclasses import dataclass
from datetime import timedelta

from flask import current_app

from app.flows.factors import PasskeyRefused, WrongCode, check_code, check_passkey
from app.flows.results import ChangedElsewhere, Limited
from app.mongo import users
from app.security import rate_limits
from app.security.login_sessions import new_session
from app.security.passkeys import Challenge
from app.users.client import Client
from app.users.login_session import LoginSession
from app.users.second_factors import RecoveryCodeUse
from app.users.user import User


@dataclass(frozen=True, slots=True)
class SecondStepDone:
    """A session has started."""

    user: User
    session: LoginSession
    codes_left: int | None = None
    """How many recovery codes are left, if one was used."""


def trust_days(user: User) -> int:
    """For how many days this account may trust a browser; 0 for administrators."""
    days: int = current_app.config["TRUST_BROWSER_DAYS"]
    return 0 if user.admin else days


def by_code(
    user: User, typed: str, client: Client, *, remember: bool, trust: bool
) -> SecondStepDone | WrongCode | ChangedElsewhere | Limited:
    """Signs in with a code of the app or a recovery code.

    Args:
        user: the account whose password was proven in this browser.
        trust: whether the person asked not to be asked again in this browser.
    """
    use = check_code(user, typed, client)
    if isinstance(use, WrongCode | Limited):
        return use
    session = new_session(client, remember=remember, second_factor=True)
    days = trust_days(user) if trust else 0
    until = session.signed_in_on + timedelta(days=days) if days else None
    if not users.sign_in(user, session, use=use, trust_until=until):
        return ChangedElsewhere()
    left = user.recovery_codes.hashes if user.recovery_codes else ()
    codes_left = len(left) - 1 if isinstance(use, RecoveryCodeUse) else None
    return SecondStepDone(user, session, codes_left)


def by_passkey(
    user: User, credential: str, challenge: Challenge | None, client: Client, *, remember: bool
) -> SecondStepDone | PasskeyRefused | ChangedElsewhere | Limited:
    """Signs in with a passkey of the account. It need not have verified its user, since the
    password is the other factor."""
    if limited := rate_limits.check(rate_limits.by_client("passkey", client)):
        return limited
    use = check_passkey(user, credential, challenge, client)
    if isinstance(use, PasskeyRefused):
        return use
    session = new_session(client, remember=remember, second_factor=True)
    done = users.sign_in(user, session, use=use)
    return SecondStepDone(user, session) if done else ChangedElsewhere()
