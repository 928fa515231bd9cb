"""Account search for administrators: newest first, a page at a time."""

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bson import ObjectId
from bson.errors import InvalidId
from pymongo import DESCENDING
from pymongo.collection import Collection

from app.users.addresses import MAX_LENGTH, AddressError, parse_address
from app.users.clock import EPOCH
from app.users.documents import Document
from app.users.events import ActivityEntry
from app.users.letters import Letter
from app.users.steps.updates import activity_of
from app.users.user import User

PAGE_SIZE = 50
# Milliseconds. When few addresses have the part, MongoDB reads all addresses.
_TIME_LIMIT = 2500


class AccountFilter(StrEnum):
    """Which accounts a list shows."""

    ALL = "all"
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    ADMINISTRATORS = "administrators"
    DISABLED = "disabled"
    REFUSED = "refused"


# Written so that MongoDB can use the index for each filter.
_FILTERS: dict[AccountFilter, Document] = {
    AccountFilter.ALL: {},
    AccountFilter.WAITING: {"confirmed": False},
    AccountFilter.CONFIRMED: {"confirmed": True},
    AccountFilter.ADMINISTRATORS: {"admin": True},
    AccountFilter.DISABLED: {"disabled_on": {"$exists": True}},
    AccountFilter.REFUSED: {"confirm_mail.refused": {"$gt": ""}},
}


@dataclass(frozen=True, slots=True)
class Person:
    """An account with its letters and its activity."""

    user: User
    letters: tuple[Letter, ...] = ()
    events: tuple[ActivityEntry, ...] = ()

    @property
    def troubled(self) -> tuple[Letter, ...]:
        """Letters that did not leave at the first try."""
        return tuple(letter for letter in self.letters if letter.trouble)


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of people, and the cursor of the next one."""

    people: tuple[Person, ...]
    older: str = ""
    """The cursor for `after`; empty on the last page."""


class CursorError(ValueError):
    """The text is not a cursor from `SearchPage.older`."""


class AccountSearch:
    """Finds accounts by a part of the address and by state."""

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users

    def page(
        self, state: AccountFilter = AccountFilter.ALL, part: str = "", after: str = ""
    ) -> SearchPage:
        """The newest accounts, or the next older ones.

        It continues after a cursor instead of a page number, so that no account is skipped or shown
        twice while new accounts are made.

        Args:
            part: a part of an address, taken literally.
            after: `older` of the previous page.

        Raises:
            CursorError: `after` is not a cursor.
            pymongo.errors.ExecutionTimeout: the search takes too long.
        """
        query = {**_FILTERS[state], **_before(after), **_matching(part), "email": {"$gt": ""}}
        fields = {"events": 0, "sessions": 0, "devices": 0, "password_hash": 0}
        found = list(
            self._users.find(query, fields)
            .sort([("registered_on", DESCENDING), ("_id", DESCENDING)])
            .limit(PAGE_SIZE + 1)
            .max_time_ms(_TIME_LIMIT)
        )
        people = tuple(_person({**document, "password_hash": ""}) for document in found[:PAGE_SIZE])
        older = _cursor(people[-1].user) if len(found) > PAGE_SIZE else ""
        return SearchPage(people, older)

    def person(self, account: str) -> Person | None:
        """The account with this id, its letters and its activity; None when there is none."""
        try:
            query = {"_id": ObjectId(account), "email": {"$gt": ""}}
        except InvalidId:
            return None
        document = self._users.find_one(query)
        return _person(document) if document else None


def _person(document: Document) -> Person:
    user = User.from_document(document)
    letters = tuple(Letter.from_document(stored) for stored in document.get("outbox", ()))
    return Person(user, letters, tuple(activity_of(document, user)))


def _matching(part: str) -> Document:
    """A query by a part of an address. `email_key` has domains in punycode; people may type either
    spelling."""
    part = unicodedata.normalize("NFKC", part).strip().lower()
    if not part:
        return {}
    # No address matches, and MongoDB refuses such an expression.
    if "\x00" in part or len(part) > MAX_LENGTH:
        return {"email_key": {"$in": []}}
    if part.isascii():
        return {"email_key": {"$regex": re.escape(part)}}
    local, at, domain = part.rpartition("@")
    spellings = {part, local + at + ".".join(map(_punycode, domain.split(".")))}
    as_key = {"email_key": {"$regex": "|".join(map(re.escape, sorted(spellings)))}}
    # The punycode of a part of a label is no part of the punycode of the label.
    as_typed = {"email": {"$regex": re.escape(part), "$options": "i"}}
    return {"$and": [{"$or": [as_key, as_typed]}]}


def _punycode(label: str) -> str:
    """One label of a domain in punycode. Labels are converted one by one, because the searched part
    may begin or end with a dot."""
    with suppress(AddressError):
        return parse_address(f"x@{label}.test").key.removeprefix("x@").removesuffix(".test")
    return label


def _cursor(user: User) -> str:
    return f"{(user.registered_on - EPOCH) // timedelta(milliseconds=1)}-{user.id}"


def _before(after: str) -> Document:
    if not after:
        return {}
    found = re.fullmatch(r"(\d{1,14})-([0-9a-f]{24})", after)
    if not found:
        raise CursorError(after)
    moment = EPOCH + timedelta(milliseconds=int(found[1]))
    return {
        "registered_on": {"$lte": moment},
        "$or": [{"registered_on": {"$lt": moment}}, {"_id": {"$lt": ObjectId(found[2])}}],
    }
