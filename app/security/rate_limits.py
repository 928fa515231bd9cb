"""Rate limits: how often a form may be sent by one client, about one account, for mail to one
address.

- One client address may try many accounts, but not thousands. The limit must be high enough for an
  office behind one address.
- All unknown browsers together may try the password of an account a few times. So a stranger can
  block other unknown browsers for a while. A browser that was signed in to the account before has
  its own limit (OWASP, "device cookies"), so nobody can lock the owner out.
- A client whose address is unknown (`unknown` from a proxy, a Unix socket) has no limit of its own.
  All such clients would share one, and a stranger could use it up for everybody. The limits per
  account and per mail address count for them as for others, and the hash queue meets a flood.
- Mail to one address is limited for all clients together, with or without an account. Each kind of
  mail has its own limit, so that registrations and changes of address do not use up the resets.

Each attempt is counted before anything is checked. If it were counted afterwards, simultaneous
attempts could pass the limit. The window begins with the first attempt.

Flask-Limiter is not used, because it sends one command per limit, and a form here has several
limits. In MongoDB one command counts them all (`attempts.py`). With mongomock or another storage,
`limits` counts, the library of Flask-Limiter.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Any, Literal

from flask import Flask, current_app

from app.mongo import connect, current_mongo
from app.observability import audit_log
from app.security.attempts import Attempt, Attempts, LibraryAttempts, MongoAttempts
from app.users.backends import backend_of
from app.users.client import Client
from app.users.clock import utcnow
from app.users.user import User


@dataclass(frozen=True, slots=True)
class Limited:
    """A rate limit is full; nothing was done."""

    rule: str
    """The rule whose limit stays full longest."""
    retry_after: int
    """Whole seconds until none of the limits is full any more."""


_opening = Lock()
# An IPv6 client usually has a whole network of addresses (RFC 6177).
_NETWORK_BITS = 64


def init_app(app: Flask) -> None:
    """Prepares the place of the storage, which is opened at the first attempt."""
    app.extensions["attempts"] = None


def _attempts() -> Attempts:
    """The storage. It is made at the first use, after a fork, like the connection to MongoDB."""
    kept: dict[str, Any] = current_app.extensions
    # With the lock only one is made. A second storage in memory would start from zero.
    with _opening:
        if kept["attempts"] is None:
            kept["attempts"] = _open(current_app.config["RATELIMIT_STORAGE_URI"])
    attempts: Attempts = kept["attempts"]
    return attempts


def _open(uri: str) -> Attempts:
    if uri and not uri.startswith("mongodb"):
        return LibraryAttempts(uri)
    database = connect(uri) if uri else current_mongo().database
    if backend_of(database).in_memory:
        return LibraryAttempts("memory://")
    return MongoAttempts(database, current_app.config["SECURITY_PASSWORD_SALT"])


def check(*attempts: Attempt | None) -> Limited | None:
    """Counts all attempts in one command. None stands for an attempt without a limit.

    Returns:
        The limit that stays full longest, or None. Unless it is None, the request must be refused.

    Raises:
        StorageUnavailable, PyMongoError: the attempts cannot be counted.
    """
    if not current_app.config["RATELIMIT_ENABLED"]:
        return None
    counted = [attempt for attempt in attempts if attempt]
    full = _attempts().count(counted, utcnow()) if counted else []
    for attempt, _seconds in full:
        audit_log.record("limit_hit", outcome="refused", rule=attempt.rule)
    if not full:
        return None
    attempt, seconds = max(full, key=lambda refused: refused[1])
    return Limited(attempt.rule, seconds)


def _attempt(rule: str, setting: str, key: str) -> Attempt:
    rate = current_app.config[setting]
    return Attempt(rule, key, rate.limit, rate.window)


def by_client(form: str, client: Client) -> Attempt | None:
    """The limit of this form for this client."""
    return _by_network(f"client_{form}", "RATELIMIT_CLIENT", client)


def registration(client: Client) -> Attempt | None:
    """The limit of new accounts for this client."""
    return _by_network("client_register", "RATELIMIT_REGISTER", client)


def _by_network(rule: str, setting: str, client: Client) -> Attempt | None:
    network = network_of(client)
    return _attempt(rule, setting, network) if network else None


def mail_to(email_key: str, about: Literal["confirm", "reset", "change", "factor"]) -> Attempt:
    """The limit of mails to this address, which may have no account."""
    return _attempt(f"mail_{about}", "RATELIMIT_MAIL", email_key)


def code_of(email_key: str) -> Attempt:
    """The limit of codes for this address, for all claims on it together."""
    return _attempt("code", "RATELIMIT_ACCOUNT", email_key)


def password_of(user: User | None, email_key: str, client: Client) -> tuple[Attempt | None, ...]:
    """The limits of passwords for this account, or for an address without an account."""
    if user and user.knows(client.device):
        return (_attempt("device", "RATELIMIT_DEVICE", f"{user.id}:{client.device}"),)
    # The newest known browser is part of the key. A browser that signs in becomes the newest one,
    # so the next unknown browser starts a new count. No command is needed to reset the count after
    # a success.
    newest = user.devices[-1] if user and user.devices else ""
    return (
        by_client("password", client),
        _attempt("account", "RATELIMIT_ACCOUNT", f"{email_key} {newest}"),
    )


def second_factor_of(user: User, client: Client) -> tuple[Attempt | None, ...]:
    """The limits of codes of second factors for this account. Only a person who has proved the
    password can try one, so a stranger cannot use these limits up."""
    if user.knows(client.device):
        key = f"{user.id}:{client.device}"
        return (_attempt("factor_device", "RATELIMIT_DEVICE", key),)
    return (
        by_client("factor", client),
        _attempt("factor", "RATELIMIT_ACCOUNT", str(user.id)),
    )


def network_of(client: Client) -> str:
    """The client's address; for IPv6 its network; empty for an unknown client."""
    try:
        address = ip_address(client.address)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> _NETWORK_BITS << _NETWORK_BITS))
    return str(address)
