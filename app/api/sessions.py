"""The list of sessions and trusted browsers, the activity, the export."""

import hashlib
from typing import Annotated

from flask import Response, request
from msgspec import Meta, Struct

from app.api.answers import reply
from app.api.authentication import client, viewer_of_request
from app.api.operations import Link, Who, operation
from app.api.problems import FieldError, invalid, problem
from app.api.shapes import Time
from app.flows import activity as activity_flow
from app.flows import export as export_flow
from app.flows import sessions as flow
from app.flows.sessions import NoSuchSession, NotTrusted, SessionEnded, TrustEnded
from app.users.events import ActivityEntry
from app.web.export_document import as_json
from app.web.humanize import browser_name

_TAG = "Sessions and activity"
_PAGE = 25
_NO_SUCH_EVENT = FieldError("after", "unknown_event", "There is no such event any more.")


class Session(Struct, frozen=True):
    """One browser or program that is signed in."""

    id: str
    name: str
    address: str
    created_at: Time
    last_seen_at: Time
    current: bool


class Sessions(Struct, frozen=True):
    """The sessions, the last seen first."""

    sessions: list[Session]


class TrustedBrowser(Struct, frozen=True):
    """A browser that skips the second step."""

    id: str
    name: str
    address: str
    created_at: Time
    expires_at: Time


class TrustedBrowsers(Struct, frozen=True):
    """The trusted browsers, the last one first."""

    trusted_browsers: list[TrustedBrowser]


class Event(Struct, frozen=True):
    """One thing that happened."""

    id: str
    kind: str
    at: Time
    by: Annotated[
        str, Meta(description="`self`, `administrator`, or empty where it may have been anybody.")
    ]
    address: str


class Events(Struct, frozen=True):
    """A page of the activity, newest first."""

    events: list[Event]
    next: Annotated[
        str | None, Meta(description="For `after`, to get the next page; null on the last one.")
    ]


@operation(
    "GET",
    "/account/sessions",
    tag=_TAG,
    answer=Sessions,
    who=Who.CONFIRMED,
    links=(Link("end_session", "/sessions/0/id", parameter="id"),),
)
def list_sessions() -> Response:
    """List every browser and program that is signed in."""
    found = viewer_of_request()
    return reply(
        Sessions(
            [
                Session(
                    id=session.handle,
                    name=session.name or browser_name(session.browser) or "Unknown browser",
                    address=session.address,
                    created_at=session.signed_in_on,
                    last_seen_at=session.seen_on,
                    current=session.id == found.session_id,
                )
                for session in flow.sessions_of(found.user)
            ]
        )
    )


@operation(
    "DELETE",
    "/account/sessions/<string(length=16):handle>",
    tag=_TAG,
    status=204,
    who=Who.CONFIRMED,
    problems=("not_found",),
)
def end_session(handle: str) -> Response:
    """End one session."""
    match flow.end_session(viewer_of_request().user, handle, client()):
        case SessionEnded():
            return reply(status=204)
        case NoSuchSession():
            return problem("not_found")


@operation("DELETE", "/account/sessions", tag=_TAG, status=204, who=Who.CONFIRMED)
def end_other_sessions() -> Response:
    """End every other session."""
    found = viewer_of_request()
    flow.end_other_sessions(found.user, found.session_id, client())
    return reply(status=204)


@operation(
    "GET",
    "/account/trusted-browsers",
    tag=_TAG,
    answer=TrustedBrowsers,
    who=Who.CONFIRMED,
    links=(Link("end_trust", "/trusted_browsers/0/id", parameter="id"),),
)
def list_trusted_browsers() -> Response:
    """List the browsers that skip the second step."""
    return reply(
        TrustedBrowsers(
            [
                TrustedBrowser(
                    id=browser.handle,
                    name=browser_name(browser.browser) or "Unknown browser",
                    address=browser.address,
                    created_at=browser.trusted_on,
                    expires_at=browser.expires_on,
                )
                for browser in flow.trusted_browsers_of(viewer_of_request().user)
            ]
        )
    )


@operation(
    "DELETE",
    "/account/trusted-browsers/<string(length=16):handle>",
    tag=_TAG,
    status=204,
    who=Who.CONFIRMED,
    problems=("not_found",),
)
def end_trust(handle: str) -> Response:
    """Ask one browser for the second step again."""
    match flow.end_trust(viewer_of_request().user, handle):
        case TrustEnded():
            return reply(status=204)
        case NotTrusted():
            return problem("not_found")


@operation(
    "GET",
    "/account/activity",
    tag=_TAG,
    answer=Events,
    who=Who.CONFIRMED,
    parameters=("after",),
    links=(Link("list_activity", "/next", parameter="after"),),
)
def list_activity() -> Response:
    """List what happened on the account, newest first, 25 events a page."""
    events = [_event(entry) for entry in activity_flow.activity(viewer_of_request().user)]
    if after := request.args.get("after"):
        ids = [event.id for event in events]
        if after not in ids:
            return invalid(_NO_SUCH_EVENT)
        events = events[ids.index(after) + 1 :]
    page, more = events[:_PAGE], len(events) > _PAGE
    return reply(Events(page, page[-1].id if more else None))


@operation("GET", "/account/export", tag=_TAG, free_form=True, who=Who.CONFIRMED, proof=True)
def export_account() -> Response:
    """Download everything that is stored about the account."""
    if request.method == "HEAD":  # nothing is downloaded, so no event is stored
        return Response(mimetype="application/json")
    stored = export_flow.export(viewer_of_request().user, client())
    return Response(as_json(stored), mimetype="application/json")


def _event(entry: ActivityEntry) -> Event:
    stored = f"{entry.kind} {entry.at.isoformat()} {entry.address} {entry.browser}"
    return Event(
        id=hashlib.sha256(stored.encode()).hexdigest()[:16],
        kind=entry.kind,
        at=entry.at,
        # Any other value is the id of an administrator's account.
        by=entry.by if entry.by in {"", "self"} else "administrator",
        address=entry.address,
    )
