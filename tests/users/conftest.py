"""Fixtures of the domain: a collection with indexes on mongomock and MongoDB, and accounts."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from pymongo.collection import Collection

from app.mongo import connect
from app.users import indexes
from app.users.addresses import Address, parse_address
from app.users.backends import backend_of
from app.users.client import Client
from app.users.last_admin_guard import GuardResult
from app.users.letters import LetterKind
from app.users.login_session import LoginSession
from app.users.outbox import Outbox
from app.users.repository import UserRepository
from app.users.user import User
from scripts.mongod import Mongod

Users = Collection[dict[str, Any]]

# The same examples on every run, and no deadline for slow machines.
settings.register_profile("latchkey", max_examples=60, deadline=None, derandomize=True)
settings.load_profile("latchkey")

# In the future, so that the TTL monitor of a real mongod deletes nothing.
NOW = datetime(2100, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
ADA = parse_address("Ada@Example.com")
BOB = parse_address("bob@example.com")
HOME = Client("192.0.2.1", "Firefox")
LAPTOP, PHONE = "laptop", "phone"


@contextmanager
def opened(uri: str) -> Iterator[Users]:
    """The accounts of a database, with the client and the indexes of the app."""
    users = connect(uri)["users"]
    list(indexes.apply(users.database))
    yield users
    users.database.client.close()


@pytest.fixture(scope="session")
def shared_users(mongod: Mongod) -> Iterator[Users]:
    """The accounts on a real mongod. Indexes take long, so all tests share them."""
    with opened(mongod.uri("domain")) as users:
        yield users


@pytest.fixture
def real_users(shared_users: Users) -> Users:
    """An empty collection on a real mongod."""
    shared_users.delete_many({})
    return shared_users


@pytest.fixture(params=["mongomock", "mongod"])
def collection(request: pytest.FixtureRequest) -> Iterator[Users]:
    """An empty collection, on mongomock and on a real mongod: each test runs on both."""
    if request.param == "mongod":
        yield request.getfixturevalue("real_users")
    else:
        with opened("mongomock://localhost/latchkey") as users:
            yield users


@pytest.fixture
def users(collection: Users) -> UserRepository:
    """The repository."""
    return UserRepository(collection)


@pytest.fixture
def outbox(collection: Users) -> Outbox:
    """The queue of owed letters."""
    return backend_of(collection.database).outbox(collection)


def new_session(now: datetime = NOW, device: str = LAPTOP) -> LoginSession:
    """A new session of a browser."""
    return LoginSession(
        id=secrets.token_hex(16),
        signed_in_on=now,
        seen_on=now,
        expires_on=now + timedelta(days=30),
        idle_seconds=12 * 3600,
        device=device,
        address=HOME.address,
        browser=HOME.browser,
    )


def register(
    users: UserRepository,
    address: Address = ADA,
    now: datetime = NOW,
    password_hash: str = "hash",  # noqa: S107 (no password)
) -> User:
    """Makes an unconfirmed account with a session."""
    user = users.register(address, password_hash, new_session(now), WEEK)
    assert user is not None
    return user


def confirm(users: UserRepository, user: User, now: datetime = NOW) -> User:
    """Confirms the account by its newest link and returns it."""
    assert users.confirm(user, user.token_version, now, HOME)
    return found(users, user)


def found(users: UserRepository, user: User) -> User:
    """The account as it is stored now."""
    fresh = users.find(user.id)
    assert fresh is not None
    return fresh


def ask_reset(users: UserRepository, user: User) -> User:
    """Owes a reset letter and returns the account."""
    assert users.ask_reset(user.email_key, NOW, HOME)
    return found(users, user)


def stored(collection: Users, user: User) -> dict[str, Any]:
    """The whole document, letters and events included."""
    document = collection.find_one({"_id": user.id})
    assert document is not None
    return document


def letters(collection: Users, user: User, kind: LetterKind | None = None) -> list[dict[str, Any]]:
    """The letters that the account is owed, oldest first; `kind` selects some."""
    owed = stored(collection, user).get("outbox", [])
    return [letter for letter in owed if kind in (None, letter["kind"])]


def sent(collection: Users, user: User) -> None:
    """Removes all owed letters, as if a worker had delivered them."""
    collection.update_one({"_id": user.id}, {"$set": {"outbox": []}})


def last_event(collection: Users, user: User) -> dict[str, Any]:
    """The newest entry of the account's activity."""
    event: dict[str, Any] = stored(collection, user)["events"][-1]
    return event


def promote(users: UserRepository, user: User) -> User:
    """Makes the account an administrator and returns it."""
    assert users.grant(user, NOW, Client(), "administrator")
    return found(users, user)


def remove(users: UserRepository, user: User, now: datetime, by: str) -> GuardResult:
    """An administrator deletes the account."""
    return users.delete(user, now, Client(), LetterKind.ACCOUNT_REMOVED, by=by)


@contextmanager
def nothing_changes(collection: Users) -> Iterator[None]:
    """Fails if the block changes any account."""
    before = list(collection.find().sort("_id"))
    yield
    assert list(collection.find().sort("_id")) == before


@pytest.fixture
def ada(users: UserRepository) -> User:
    """A confirmed account with one session and the password hash "hash"."""
    return confirm(users, register(users))
