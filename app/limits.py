"""How often a form may be sent: by one client, about one account, for mail to one address.

Not by Flask-Limiter: it asks its storage once per limit, and a form here has several, at the price
of one MongoDB command (`app/attempts.py`). Whatever counts in MongoDB counts for all processes; the
library beneath Flask-Limiter, `limits`, does so in memory, for mongomock, or in another storage.

- One address of a client may try many accounts, but not thousands. An office behind one address
  must fit into it.
- An account's password may be tried a few times by strange browsers together, whoever they are: a
  stranger can slow others that are strange, and no more than that. A browser that has been signed
  in to the account has an allowance of its own (OWASP, "device cookies"), so nobody can lock the
  owner out; nor does another one at the owner's own address count for it.
- Mail to one address is capped, whoever asks and from wherever, with or without an account. Each
  kind has a cap of its own: whoever uses up the resets has left the owner one in the mailbox, while
  registrations and changes of address must not stand in the way of a reset.

Each attempt counts before anything is looked at: a count that waits for the outcome lets many at
once be more tries. The window begins with the first attempt.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Any, Literal

from flask import Flask, current_app, request
from pymongo.errors import PyMongoError

from app import devices, journal
from app.attempts import Attempt, Attempts, LibraryAttempts, MongoAttempts
from app.clock import utcnow
from app.mongo import connect, current_mongo
from app.users.indexes import is_mock
from app.users.user import User

_opening = Lock()
# An IPv6 client has a whole network of addresses (RFC 6177).
_NETWORK_BITS = 64


@dataclass
class TooMany(Exception):
    """More attempts than a limit allows; nothing was done.

    Attributes:
        rule: of the limit that is full the longest.
        retry_after: whole seconds until all that were full have room.
    """

    rule: str
    retry_after: int


class StorageAway(Exception):
    """It cannot be counted, and without counting nothing is allowed."""


def init_app(app: Flask) -> None:
    """Where attempts are counted is opened when the first one is."""
    app.extensions["attempts"] = None


def _attempts() -> Attempts:
    """Made on first use, after a fork, as the connection to MongoDB is."""
    kept: dict[str, Any] = current_app.extensions
    # One: in memory a second one would count from nothing.
    with _opening:
        if kept["attempts"] is None:
            kept["attempts"] = _open(current_app.config["RATELIMIT_STORAGE_URI"])
    attempts: Attempts = kept["attempts"]
    return attempts


def _open(uri: str) -> Attempts:
    if uri and not uri.startswith("mongodb"):
        return LibraryAttempts(uri)
    database = connect(uri) if uri else current_mongo().database
    if is_mock(database):
        return LibraryAttempts("memory://")
    return MongoAttempts(database, current_app.config["SECURITY_PASSWORD_SALT"])


def allow(*attempts: Attempt) -> None:
    """Counts attempts, all in one command.

    Raises:
        TooMany: a limit is full.
        StorageAway, PyMongoError: it cannot be counted.
    """
    if not current_app.config["RATELIMIT_ENABLED"]:
        return
    try:
        full = _attempts().count(attempts, utcnow())
    except PyMongoError:
        raise
    except Exception as error:
        current_app.logger.error("limits: %s", type(error).__name__)
        raise StorageAway from error
    if full:
        _note(attempt for attempt, _seconds in full)
        attempt, seconds = max(full, key=lambda refused: refused[1])
        raise TooMany(attempt.rule, seconds)


def _note(attempts: Iterable[Attempt]) -> None:
    for attempt in attempts:
        journal.note("limit_hit", outcome="refused", rule=attempt.rule)


def _attempt(rule: str, setting: str, key: str) -> Attempt:
    rate = current_app.config[setting]
    return Attempt(rule, key, rate.limit, rate.window)


def by_client(form: str) -> Attempt:
    """This form, by whoever sends it."""
    return _attempt(f"client_{form}", "RATELIMIT_CLIENT", _client())


def registration() -> Attempt:
    """A new account, by whoever asks for it."""
    return _attempt("client_register", "RATELIMIT_REGISTER", _client())


def mail_to(email_key: str, about: Literal["confirm", "reset", "change"]) -> Attempt:
    """A mail to this address, which may be nobody's."""
    return _attempt(f"mail_{about}", "RATELIMIT_MAIL", email_key)


def code_of(email_key: str) -> Attempt:
    """The six digits for this address, whichever claim on it they belong to."""
    return _attempt("code", "RATELIMIT_ACCOUNT", email_key)


def password_of(user: User | None, email_key: str) -> tuple[Attempt, ...]:
    """The password of this account, or of an address that has none."""
    device = devices.current()
    if user and device in user.devices:
        return (_attempt("device", "RATELIMIT_DEVICE", f"{user.id}:{device}"),)
    # A strange browser that succeeds is known from then on, and the next strange one counts anew:
    # nobody is refused for what has succeeded, and it takes no command to take it back.
    newest = user.devices[-1] if user and user.devices else ""
    return (
        by_client("password"),
        _attempt("account", "RATELIMIT_ACCOUNT", f"{email_key} {newest}"),
    )


def _client() -> str:
    """The client's address, or an IPv6 client's network."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> _NETWORK_BITS << _NETWORK_BITS))
    return str(address)
