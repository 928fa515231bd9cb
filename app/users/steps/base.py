"""What the steps share: the collection, and the shape of what they push into an account."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection

from app.users.departed import Departed
from app.users.happenings import Deed, Happening, Tell, tell_nobody
from app.users.letters import Letter
from app.users.user import EventKind, Origin, Session, Tally, User

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
        tell: hears what happened, after each write: what the activity of an account shows is
            told by the same update that stores it, so the two cannot differ.
    """

    def __init__(self, users: Collection[Document], tell: Tell = tell_nobody) -> None:
        self._users = users
        self._tell = tell
        self._departed = Departed(users)

    def _update(
        self, query: Document, update: Document, *deeds: Deed, took: timedelta | None = None
    ) -> bool:
        """Whether the one document that the guard describes was there; tells what it did.

        Args:
            deeds: what the update means besides the events that it pushes.
            took: from registering to a proven address, where that is what it does.
        """
        account = self._matched(query, update)
        if account is None:
            return False
        for deed in deeds:
            self._tell(Happening(deed, account))
        self._tell_events(account, _pushed(update), took=took)
        return True

    def _matched(self, query: Document, update: Document) -> ObjectId | None:
        """Applies the update; the id of the account that the guard described, if it was there."""
        if "_id" in query:
            found: ObjectId = query["_id"]
            return found if self._users.update_one(query, update).matched_count else None
        document = self._users.find_one_and_update(query, update, {"_id": 1})
        return document["_id"] if document else None

    def _tell_events(self, account: ObjectId, events: list[Document], **details: Any) -> None:
        for stored in events:
            self._tell(Happening(stored["kind"], account, stored["by"], **details))


def as_user(document: Mapping[str, Any] | None) -> User | None:
    """The account that was found."""
    return User.from_document(document) if document else None


def same_power(user: User) -> Document:
    """The guard of what depends on whether an account is an administrator's, or disabled; older
    documents have no version. What is left of a deleted account is none."""
    version = user.admin_version
    return {
        "_id": user.id,
        "email": {"$ne": ""},
        "admin": user.admin,
        "admin_version": {"$in": [version, version or None]},
    }


def entry(session: Session) -> Document:
    """A session as stored."""
    return asdict(session)


def event(kind: EventKind, now: datetime, origin: Origin, by: str = "self") -> Document:
    """A line of the account's activity; `by` is empty where anybody may have done it."""
    return {"kind": kind.value, "at": now, "by": by, **asdict(origin)}


def push_events(*events: Document) -> Document:
    """For `$push`: adds to the activity."""
    return _push("events", _MAX_EVENTS, *events)


def _pushed(update: Document) -> list[Document]:
    """The events that an update pushes, but for those with a count: they sum up what was told as
    it happened."""
    events: list[Document] = update.get("$push", {}).get("events", {}).get("$each", [])
    return [stored for stored in events if "count" not in stored]


def one_more(tally: str, now: datetime, origin: Origin) -> tuple[Document, Document]:
    """For `$inc` and for `$set`: counts in a tally of the account."""
    last = {"at": now, **asdict(origin)}
    return {f"{tally}.count": 1}, {f"{tally}.{name}": value for name, value in last.items()}


def sum_up(user: User) -> list[Document]:
    """What has been counted, as lines of the activity, oldest first; unset `TALLIES` with it."""
    counted: list[tuple[EventKind, Tally | None]] = [
        (EventKind.SIGN_IN_REFUSED, user.refusals),
        (EventKind.RESET_ASKED, user.reset_asks),
    ]
    lines = [{"kind": kind.value, "by": "", **asdict(tally)} for kind, tally in counted if tally]
    return sorted(lines, key=lambda line: line["at"])


TALLIES: Document = {"refusals": "", "reset_asks": ""}


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
