"""Parts of updates that several steps share."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.users.client import Client
from app.users.documents import Document
from app.users.events import ActivityEntry, EventKind, Tally
from app.users.field_policy import Cause, cleared_by
from app.users.letters import Letter, LetterKind, owe
from app.users.login_session import LoginSession
from app.users.second_factors import TrustedBrowser
from app.users.user import POLICIES, User

# How many an account keeps; the oldest are dropped. No person signs in from more browsers or reads
# more events, and more letters at once would be a flood.
_MAX_SESSIONS, _MAX_EVENTS, _MAX_LETTERS, _MAX_DEVICES, _MAX_TRUSTED = 50, 50, 50, 50, 20


def clear(cause: Cause, replaced: Iterable[str] = ()) -> Document:
    """For `$unset`: the fields of an account that the cause clears and the step does not set."""
    return cleared_by(cause, POLICIES, replaced)


def same_admin_state(user: User) -> Document:
    """A guard: `admin` is still as in `user`, and the account was not disabled or enabled since.

    Older documents have no version. The rest of a deleted account never matches.
    """
    version = user.admin_version
    return {
        "_id": user.id,
        "email": {"$ne": ""},
        "admin": user.admin,
        "admin_version": {"$in": [version, version or None]},
    }


def event(kind: EventKind, now: datetime, client: Client, by: str = "self") -> Document:
    """An entry of the account's activity; `by` is empty when it may have been anybody."""
    return {"kind": kind.value, "at": now, "by": by, **client.origin}


def push_events(*events: Document) -> Document:
    """For `$push`: adds to the activity."""
    return _push("events", _MAX_EVENTS, *events)


def pushed_events(update: Document) -> list[Document]:
    """The events that an update stores, without those from tallies, which were published when they
    happened."""
    events: list[Document] = update.get("$push", {}).get("events", {}).get("$each", [])
    return [stored for stored in events if "count" not in stored]


def count_in(tally: str, now: datetime, client: Client) -> tuple[Document, Document]:
    """One part for `$inc` and one for `$set` that together count one more in a tally."""
    last = {"at": now, **client.origin}
    return {f"{tally}.count": 1}, {f"{tally}.{name}": value for name, value in last.items()}


def tallied_events(user: User) -> list[Document]:
    """The tallies of the account as entries of the activity, oldest first.

    An update that stores them must unset `TALLIES`.
    """
    counted: list[tuple[EventKind, Tally | None]] = [
        (EventKind.SIGN_IN_REFUSED, user.refusals),
        (EventKind.RESET_ASKED, user.reset_asks),
    ]
    entries = [{"kind": kind.value, "by": "", **asdict(tally)} for kind, tally in counted if tally]
    return sorted(entries, key=lambda entry: entry["at"])


TALLIES: Document = {"refusals": "", "reset_asks": ""}


def activity_of(document: Document, user: User) -> list[ActivityEntry]:
    """The activity of an account with its tallies, newest first."""
    stored = [*document.get("events", ()), *tallied_events(user)]
    entries = [ActivityEntry.from_document(entry) for entry in stored]
    # Sorting is stable, so among entries of the same time the last stored one comes first.
    return sorted(entries, key=lambda entry: entry.at)[::-1]


def push_session(session: LoginSession) -> Document:
    """For `$push`: signs a browser in."""
    return _push("sessions", _MAX_SESSIONS, asdict(session))


def push_letters(*letters: Letter) -> Document:
    """For `$push`: owes letters."""
    return _push("outbox", _MAX_LETTERS, *(letter.document() for letter in letters))


def push_device(user: User, device: str) -> Document:
    """For `$push`: remembers the browser, if the account does not know it yet."""
    return {} if user.knows(device) else _push("devices", _MAX_DEVICES, device)


def push_trusted(browser: TrustedBrowser) -> Document:
    """For `$push`: lets a known browser skip the second step."""
    return _push("trusted_browsers", _MAX_TRUSTED, asdict(browser))


def same_factors(user: User) -> Any:
    """A guard for `factors_version`: no factor was added or removed. Older documents have none."""
    return user.factors_version or {"$in": [0, None]}


def owe_confirmation(
    now: datetime, kind: LetterKind = LetterKind.CONFIRM
) -> tuple[Letter, Document]:
    """A confirmation letter, and the `confirm_mail` that makes it the newest one."""
    letter = owe(kind, now)
    return letter, {"id": letter.id, "asked_on": now, "sent_on": None, "refused": None}


def _push(field: str, keep: int, *entries: Any) -> Document:
    return {field: {"$each": list(entries), "$slice": -keep}}
