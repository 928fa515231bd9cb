"""What the steps share: the collection, and the shape of what they push into an account."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo.collection import Collection

from app.users.departed import Departed
from app.users.letters import Letter
from app.users.user import EventKind, Origin, Session, User

Document = dict[str, Any]

# A page needs neither; they are read where they are shown.
PAGE_FIELDS = {"outbox": 0, "events": 0}
# Newest kept. More sessions or browsers than this is a script, more events than this nobody reads,
# and more letters than this at once to one account would be a flood.
_MAX_SESSIONS, _MAX_EVENTS, _MAX_LETTERS, _MAX_DEVICES = 50, 50, 50, 50


class Steps:
    """Part of `UserRepository`.

    Args:
        users: the collection, with majority write concern on a real server.
    """

    def __init__(self, users: Collection[Document]) -> None:
        self._users = users
        self._departed = Departed(users)

    def _update(self, query: Document, update: Document) -> bool:
        """Whether the one document that the guard describes was there."""
        return self._users.update_one(query, update).matched_count == 1


def as_user(document: Mapping[str, Any] | None) -> User | None:
    """The account that was found."""
    return User.from_document(document) if document else None


def entry(session: Session) -> Document:
    """A session as stored."""
    return asdict(session)


def event(kind: EventKind, now: datetime, origin: Origin, by: str = "self") -> Document:
    """A line of the account's activity; `by` is empty where anybody may have done it."""
    return {"kind": kind.value, "at": now, "by": by, **asdict(origin)}


def push_events(*events: Document) -> Document:
    """For `$push`: adds to the activity."""
    return _push("events", _MAX_EVENTS, *events)


def push_session(session: Session) -> Document:
    """For `$push`: signs a browser in."""
    return _push("sessions", _MAX_SESSIONS, entry(session))


def push_letters(*letters: Letter) -> Document:
    """For `$push`: owes letters."""
    return _push("outbox", _MAX_LETTERS, *(letter.document() for letter in letters))


def push_device(device: str) -> Document:
    """For `$push`: this browser is known from now on."""
    return _push("devices", _MAX_DEVICES, device)


def _push(field: str, keep: int, *entries: Any) -> Document:
    return {field: {"$each": list(entries), "$slice": -keep}}
