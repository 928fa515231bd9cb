"""Changing the password while signed in."""

from dataclasses import dataclass, replace

from app.flows.results import (
    ChangedElsewhere,
    Limited,
    WeakPassword,
    WrongPassword,
    check_new_password,
    check_password,
    hash_new_password,
    reports_busy,
    with_newer_hash,
)
from app.mongo import users
from app.security.login_sessions import new_session
from app.users.client import Client
from app.users.clock import utcnow
from app.users.login_session import LoginSession
from app.users.user import User


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """Every session has ended; the new `session` replaces the present one (ASVS 7.4.3)."""

    session: LoginSession


@reports_busy
def change_password(
    user: User, current: str, password: str, client: Client, *, session_id: str, remember: bool
) -> PasswordChanged | WrongPassword | WeakPassword | ChangedElsewhere | Limited:
    """Sets a new password for a person who knows the current one.

    Args:
        session_id: the present session. The one that replaces it is worth as much: whether it was
            signed in with a second factor, and when one was last proved.
    """
    if weak := check_new_password(password, user.email, user):
        return weak
    if refusal := check_password(user, current, client):
        return refusal
    session = _renewed(user.session(session_id, utcnow()), client, remember=remember)
    hashed = hash_new_password(password)
    if users.change_password(user, hashed, session, utcnow()):
        return PasswordChanged(session)
    fresh = with_newer_hash(user, current)
    if fresh and users.change_password(fresh, hashed, session, utcnow()):
        return PasswordChanged(session)
    return ChangedElsewhere()


def _renewed(present: LoginSession | None, client: Client, *, remember: bool) -> LoginSession:
    if present is None:
        return new_session(client, remember=remember)
    renewed = new_session(client, remember=remember, second_factor=present.second_factor)
    return replace(
        renewed, proved_on=present.proved_on, proved_strongly_on=present.proved_strongly_on
    )
