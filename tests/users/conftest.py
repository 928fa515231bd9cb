"""The domain's tests have a collection with its indexes, on either store, and made accounts."""

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

# The same examples on every run, and no deadline: a slow machine is not a defect.
settings.register_profile("latchkey", max_examples=60, deadline=None, derandomize=True)
settings.load_profile("latchkey")

# In the future: the TTL monitor of a real mongod must find nothing to delete.
NOW = datetime(2100, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
ADA = parse_address("Ada@Example.com")
BOB = parse_address("bob@example.com")
HOME = Client("192.0.2.1", "Firefox")
LAPTOP, PHONE = "laptop", "phone"


@contextmanager
def opened(uri: str) -> Iterator[Users]:
    """The collection of a database, with the app's own client and indexes."""
    users = connect(uri)["users"]
    list(indexes.apply(users.database))
    yield users
    users.database.client.close()


@pytest.fixture(scope="session")
def shared_users(mongod: Mongod) -> Iterator[Users]:
    """Made once: indexes take ten times as long as most tests."""
    with opened(mongod.uri("domain")) as users:
        yield users


@pytest.fixture
def real_users(shared_users: Users) -> Users:
    """The collection on a real mongod, empty."""
    shared_users.delete_many({})
    return shared_users


@pytest.fixture(params=["mongomock", "mongod"])
def collection(request: pytest.FixtureRequest) -> Iterator[Users]:
    """The collection, empty, on either store: what a test says of it holds on both."""
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
    """A session as a browser gets it."""
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
    """An unconfirmed account, signed in."""
    user = users.register(address, password_hash, new_session(now), WEEK)
    assert user is not None
    return user


def confirm(users: UserRepository, user: User, now: datetime = NOW) -> User:
    """The account, confirmed by its newest link."""
    assert users.confirm(user, user.token_version, now, HOME)
    return found(users, user)


def found(users: UserRepository, user: User) -> User:
    """The account as it is now."""
    fresh = users.find(user.id)
    assert fresh is not None
    return fresh


def ask_reset(users: UserRepository, user: User) -> User:
    """The account with a reset link on its way."""
    assert users.ask_reset(user.email_key, NOW, HOME)
    return found(users, user)


def stored(collection: Users, user: User) -> dict[str, Any]:
    """The whole document, letters and events included."""
    document = collection.find_one({"_id": user.id})
    assert document is not None
    return document


def letters(collection: Users, user: User, kind: LetterKind | None = None) -> list[dict[str, Any]]:
    """What the account is owed, oldest first; of one kind."""
    owed = stored(collection, user).get("outbox", [])
    return [letter for letter in owed if kind in (None, letter["kind"])]


def sent(collection: Users, user: User) -> None:
    """A worker has delivered everything."""
    collection.update_one({"_id": user.id}, {"$set": {"outbox": []}})


def last_event(collection: Users, user: User) -> dict[str, Any]:
    """The newest entry of the account's activity."""
    event: dict[str, Any] = stored(collection, user)["events"][-1]
    return event


def promote(users: UserRepository, user: User) -> User:
    """The account, made an administrator's at the shell."""
    assert users.grant(user, NOW, Client(), "administrator")
    return found(users, user)


def remove(users: UserRepository, user: User, now: datetime, by: str) -> GuardResult:
    """An administrator deletes the account."""
    return users.delete(user, now, Client(), LetterKind.ACCOUNT_REMOVED, by=by)


@contextmanager
def nothing_changes(collection: Users) -> Iterator[None]:
    """Not a byte of any account."""
    before = list(collection.find().sort("_id"))
    yield
    assert list(collection.find().sort("_id")) == before


@pytest.fixture
def ada(users: UserRepository) -> User:
    """Confirmed, signed in on one browser, with the password hash "hash"."""
    return confirm(users, register(users))
