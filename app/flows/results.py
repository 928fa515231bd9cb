"""Results and password checks that several flows share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import current_app

from app.mongo import users
from app.observability import audit_log
from app.security import rate_limits
from app.security.attempts import Attempt
from app.security.rate_limits import Limited
from app.users.addresses import guessable_words
from app.users.client import Client
from app.users.hash_queue import HashQueueFull
from app.users.passwords import Weakness, hash_password, verify_password, weakness
from app.users.user import User

__all__ = [
    "Busy",
    "ChangedElsewhere",
    "LastAdministrator",
    "Limited",
    "WeakPassword",
    "WrongPassword",
    "check_new_password",
    "check_password",
    "hash_new_password",
    "reports_busy",
    "with_newer_hash",
]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Busy:
    """Too many passwords are being hashed. Nothing was done, and trying again is safe."""


@dataclass(frozen=True, slots=True)
class WeakPassword:
    """The new password is refused."""

    user: User | None
    weakness: Weakness


@dataclass(frozen=True, slots=True)
class WrongPassword:
    """The password is not the account's."""

    user: User


@dataclass(frozen=True, slots=True)
class ChangedElsewhere:
    """Another step changed the account after it was read. Nothing was done."""


@dataclass(frozen=True, slots=True)
class LastAdministrator:
    """No other administrator would be left. Nothing was done."""


def reports_busy(flow: Callable[P, R]) -> Callable[P, R | Busy]:
    """A decorator for flows that hash: they return `Busy` when the hash queue is full."""

    @wraps(flow)
    def reporting(*args: P.args, **kwargs: P.kwargs) -> R | Busy:
        try:
            return flow(*args, **kwargs)
        except HashQueueFull:
            return Busy()

    return reporting


def check_new_password(password: str, email: str, user: User | None = None) -> WeakPassword | None:
    """Refuses a new password that is too short, too long or easy to guess."""
    found = weakness(password, [current_app.config["APP_NAME"], *guessable_words(email)])
    return WeakPassword(user, found) if found else None


def hash_new_password(password: str) -> str:
    """The hash to store, with the cost from the settings. Raises HashQueueFull."""
    return hash_password(password, current_app.config["BCRYPT_LOG_ROUNDS"])


def check_password(
    user: User, password: str, client: Client, *more: Attempt
) -> Limited | WrongPassword | None:
    """Refuses a password that is not the account's. Raises HashQueueFull.

    Args:
        more: other attempts to count in the same command.
    """
    attempts = rate_limits.password_of(user, user.email_key, client)
    if limited := rate_limits.check(*attempts, *more):
        return limited
    if verify_password(password, user.password_hash):
        return None
    audit_log.record("password_refused", outcome="refused", account=user.id)
    return WrongPassword(user)


def with_newer_hash(user: User, password: str) -> User | None:
    """The account as it is now, if the password is the same and only its hash has changed.

    A sign-in stores a stronger hash when the cost setting has gone up. A step that is guarded by
    the earlier hash then fails, although the password is right. Raises HashQueueFull.
    """
    now = users.find(user.id)
    if now is None or now.password_hash == user.password_hash:
        return None
    return now if verify_password(password, now.password_hash) else None
