"""Accounts as the app stores them: the app's own steps make one, and it is copied."""

import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.write_concern import WriteConcern

from app.users.addresses import parse_address
from app.users.client import Client
from app.users.clock import utcnow
from app.users.documents import random_id
from app.users.login_session import LoginSession
from app.users.passwords import hash_password
from app.users.repository import UserRepository

Document = dict[str, Any]
Users = Collection[Document]

PASSWORD = "correct horse battery staple"
BROWSER = Client(
    "127.0.0.1", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140"
)
WEEK = timedelta(days=7)
_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Person:
    """What a step needs to act as the owner of an account."""

    id: ObjectId
    email: str
    session_id: str
    version: int


def new_session() -> LoginSession:
    """A login session as sign-in makes it."""
    now = utcnow()
    return LoginSession(
        id=secrets.token_urlsafe(16),
        signed_in_on=now,
        seen_on=now,
        expires_on=now + timedelta(days=30),
        idle_seconds=12 * 3600,
        device=secrets.token_urlsafe(16),
        address=BROWSER.address,
        browser=BROWSER.browser,
    )


def pattern(users: Users, rounds: int, *, confirmed: bool) -> Document:
    """The document of an account that the app's steps have made. The account is removed again.

    Args:
        rounds: the cost of its password hash.
    """
    repository, address = UserRepository(users), parse_address("pattern@example.org")
    hashed = hash_password(PASSWORD, rounds)
    user = repository.register(address, hashed, new_session(), WEEK)
    assert user is not None
    if confirmed:
        assert repository.confirm(user, user.token_version, utcnow(), BROWSER)
    document = users.find_one_and_delete({"_id": user.id})
    assert document is not None
    return document


def copies(document: Document, number: int, names: Iterator[str]) -> Iterator[Document]:
    """Copies of the account with other ids and addresses."""
    for name in itertools.islice(names, number):
        email = f"{name}@example.org"
        yield {**document, "_id": random_id(), "email": email, "email_key": email}


def insert(users: Users, documents: Iterator[Document]) -> list[Person]:
    """Stores accounts with the fast write concern: a loss would do no harm here."""
    quick = users.with_options(write_concern=WriteConcern(w=1))
    people: list[Person] = []
    while batch := list(itertools.islice(documents, _BATCH)):
        quick.insert_many(batch, ordered=False, bypass_document_validation=True)
        people += map(_person, batch)
    return people


def _person(document: Document) -> Person:
    session_id = document["sessions"][0]["id"]
    return Person(document["_id"], document["email"], session_id, document["token_version"])
