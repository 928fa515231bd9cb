"""Makes login sessions with the lifetimes from the settings."""

import secrets
from datetime import timedelta

from flask import current_app

from app.users.client import Client
from app.users.clock import utcnow
from app.users.login_session import LoginSession


def new_session(
    client: Client, *, remember: bool = False, second_factor: bool = False
) -> LoginSession:
    """A new session with a random id of 128 bits (ASVS 7.2.3), or with that of the client's
    program. The caller stores it.

    Args:
        remember: whether the session lives without requests; that of a program always does.
        second_factor: whether the person has just proved a second factor.
    """
    config = current_app.config
    now = utcnow()
    days = timedelta(days=config["SESSION_DAYS"])
    program = client.program
    idle = days if remember or program else timedelta(hours=config["SESSION_IDLE_HOURS"])
    return LoginSession(
        id=program.session_id if program else secrets.token_urlsafe(16),
        signed_in_on=now,
        seen_on=now,
        expires_on=now + days,
        idle_seconds=int(idle.total_seconds()),
        device=client.device,
        address=client.address,
        browser=client.browser,
        name=program.name if program else "",
        second_factor=second_factor,
    )
