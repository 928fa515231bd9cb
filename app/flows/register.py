"""Registering an address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app

from app.flows.results import (
    Limited,
    WeakPassword,
    check_new_password,
    hash_new_password,
    reports_busy,
)
from app.mongo import decoys, users
from app.observability import audit_log
from app.security import rate_limits
from app.security.equal_time import equal_time
from app.security.login_sessions import new_session
from app.users.addresses import Address
from app.users.client import Client
from app.users.login_session import LoginSession
from app.users.user import User

# The owner of an account gets at most one mail an hour about attempts to register its address.
_NOTICE_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Registered:
    """There is a new account, or this newest claim has taken over an unconfirmed one."""

    user: User
    session: LoginSession


@dataclass(frozen=True, slots=True)
class AddressTaken:
    """A confirmed account has the address, and its owner gets a mail; or a disabled one has it.

    The visitor must not see the difference, so `user` is a decoy.
    """

    user: User
    session: LoginSession


@reports_busy
def register(
    address: Address, password: str, client: Client, profile: Mapping[str, Any] | None = None
) -> Registered | AddressTaken | WeakPassword | Limited:
    """Makes an unconfirmed account, signs it in and owes it a confirmation mail.

    Args:
        profile: values of editable fields of the account (see `app/users/user.py`).
    """
    if weak := check_new_password(password, address.typed):
        return weak
    attempts = rate_limits.registration(client), rate_limits.mail_to(address.key, "confirm")
    if limited := rate_limits.check(*attempts):
        return limited
    session = new_session(client)
    unconfirmed_for = timedelta(days=current_app.config["UNCONFIRMED_DAYS"])
    hashed = hash_new_password(password)
    with equal_time():
        user = users.register(address, hashed, session, unconfirmed_for, profile)
        # The token of a disabled account would not work, which a new account's does.
        if user and not user.disabled_on:
            return Registered(user, session)
        now = session.signed_in_on
        audit_log.record("registered", outcome="refused", reason="account_exists")
        users.owe_account_exists(address.key, now, _NOTICE_EVERY)
        stand_in = decoys.register(address, session, unconfirmed_for, profile)
    return AddressTaken(stand_in, session)
