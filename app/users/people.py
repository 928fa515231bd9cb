"""Accounts as administrators look for them: newest first, a page at a time."""

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from pymongo import DESCENDING
from pymongo.collection import Collection

from app.clock import EPOCH
from app.users.addresses import MAX_LENGTH, AddressError, parse_address
from app.users.letters import Letter, LetterKind
from app.users.steps.lookups import activity_of
from app.users.user import Event, User

Document = dict[str, Any]

PAGE_SIZE = 50
# Milliseconds; a part of an address that few have means reading all addresses.
_PATIENCE = 2500


class State(StrEnum):
    """Which accounts a list shows."""

    ALL = "all"
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    ADMINISTRATORS = "administrators"
    DISABLED = "disabled"
    REFUSED = "refused"


# As the indexes of their names have it.
_STATES: dict[State, Document] = {
    State.ALL: {},
    State.WAITING: {"confirmed": False},
    State.CONFIRMED: {"confirmed": True},
    State.ADMINISTRATORS: {"admin": True},
    State.DISABLED: {"disabled_on": {"$exists": True}},
    State.REFUSED: {"confirm_mail.refused": {"$gt": ""}},
}


@dataclass(frozen=True, slots=True)
class Person:
    """An account with what a page for everybody leaves out."""

    user: User
    letters: tuple[Letter, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def troubled(self) -> tuple[Letter, ...]:
        """Letters that did not leave at the first try."""
        return tuple(letter for letter in self.letters if letter.trouble)


@dataclass(frozen=True, slots=True)
class Page:
    """Some people, and where the list goes on."""

    people: tuple[Person, ...]
    older: str = ""
    """For `after`; empty where there are none."""


class People:
    """The `users` collection, looked through."""

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users

    def page(self, state: State = State.ALL, part: str = "", after: str = "") -> Page:
        """The newest accounts, or those before an earlier page's end.

        A key, not a number of pages: nobody is skipped or shown twice while accounts come in.

        Args:
            part: of an address, taken literally.
            after: `older` of the page before.

        Raises:
            ValueError: `after` is none of ours.
            pymongo.errors.ExecutionTimeout: a search that takes too long.
        """
        query = {**_STATES[state], **_before(after), **_matching(part), "email": {"$gt": ""}}
        fields = {"events": 0, "sessions": 0, "devices": 0, "password_hash": 0}
        found = list(
            self._users.find(query, fields)
            .sort([("registered_on", DESCENDING), ("_id", DESCENDING)])
            .limit(PAGE_SIZE + 1)
            .max_time_ms(_PATIENCE)
        )
        people = tuple(_person({**document, "password_hash": ""}) for document in found[:PAGE_SIZE])
        older = _key(people[-1].user) if len(found) > PAGE_SIZE else ""
        return Page(people, older)

    def person(self, account: str) -> Person | None:
        """The account of that id, with its letters and its activity; None for any other text."""
        try:
            query = {"_id": ObjectId(account), "email": {"$gt": ""}}
        except InvalidId:
            return None
        document = self._users.find_one(query)
        return _person(document) if document else None


def _person(document: Document) -> Person:
    user = User.from_document(document)
    letters = tuple(
        Letter.from_document({**stored, "kind": LetterKind(stored["kind"])})
        for stored in document.get("outbox", ())
    )
    return Person(user, letters, tuple(activity_of(document, user)))


def _matching(part: str) -> Document:
    """The key has lower case and punycode; a domain may be typed as it is written."""
    part = unicodedata.normalize("NFKC", part).strip().lower()
    if not part:
        return {}
    # MongoDB takes neither in an expression, and no address has them.
    if "\x00" in part or len(part) > MAX_LENGTH:
        return {"email_key": {"$in": []}}
    if part.isascii():
        return {"email_key": {"$regex": re.escape(part)}}
    local, at, domain = part.rpartition("@")
    spellings = {part, local + at + ".".join(map(_punycode, domain.split(".")))}
    as_key = {"email_key": {"$regex": "|".join(map(re.escape, sorted(spellings)))}}
    # Part of a label is no part of its punycode.
    as_typed = {"email": {"$regex": re.escape(part), "$options": "i"}}
    return {"$and": [{"$or": [as_key, as_typed]}]}


def _punycode(label: str) -> str:
    """As the key of an address has it; each label alone, for a part may begin or end with a dot."""
    with suppress(AddressError):
        return parse_address(f"x@{label}.test").key.removeprefix("x@").removesuffix(".test")
    return label


def _key(user: User) -> str:
    return f"{(user.registered_on - EPOCH) // timedelta(milliseconds=1)}-{user.id}"


def _before(after: str) -> Document:
    if not after:
        return {}
    found = re.fullmatch(r"(\d{1,14})-([0-9a-f]{24})", after)
    if not found:
        raise ValueError("no key of a page")
    moment = EPOCH + timedelta(milliseconds=int(found[1]))
    return {
        "registered_on": {"$lte": moment},
        "$or": [{"registered_on": {"$lt": moment}}, {"_id": {"$lt": ObjectId(found[2])}}],
    }
