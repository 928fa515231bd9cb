"""Every refusal is a page of the app's own look, with a next step."""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from flask import Flask, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import csrf
from pymongo.errors import PyMongoError
from werkzeug.exceptions import BadHost, HTTPException, default_exceptions

from app import journal
from app.limits import StorageAway, TooMany
from app.phrases import rounded_up
from app.request_id import request_id
from app.users.hashing import Busy

_RETRY_SECONDS = 5
# What is refused for a reason that somebody who watches over attacks wants to know.
_NOTED = {403: "access_refused", 413: "body_refused", 415: "body_refused"}


@dataclass(frozen=True, slots=True)
class Words:
    """What a page says of an error."""

    title: str
    message: str


_WORDS = {
    400: Words(
        "This form can no longer be used",
        "It was open for too long, or cookies are blocked. Go back, reload the page and try again.",
    ),
    403: Words("Not yours to see", "You are signed in, but this page is for somebody else."),
    404: Words("There is no such page", "The address may be mistyped, or the page has moved."),
    405: Words("That does not work here", "This page cannot be used that way."),
    413: Words("That is too much", "What was sent is larger than any form here."),
    415: Words("Only forms work here", "What was sent is not a form that was filled in."),
    422: Words("Something is missing", "The form was not filled in as it should be."),
    429: Words("Too many attempts", "Wait a moment, then try again."),
    500: Words(
        "Something broke on our side",
        "It is not your fault, and it has been noted. Try again in a moment.",
    ),
    503: Words(
        "We cannot reach our database",
        "Nothing is lost. Try again in a moment; sending the same form twice does no harm.",
    ),
}
_TOO_MANY = {
    "account": Words(
        "Too many attempts to sign in",
        "Somebody has tried many passwords for this account, and this browser has not been signed"
        " in to it before. A new password by mail works at once.",
    ),
    "mail": Words(
        "Too many mails to this address",
        "It has been mailed again and again within an hour. The newest mail works; look for it"
        " among the junk, too.",
    ),
    "code": Words(
        "Too many codes",
        "Many codes have been tried for this address. The link in the newest mail works at once.",
    ),
}
# The browser still has the form and sends it once more; our page never holds the password.
_BUSY = Words(
    "Too many people at once",
    "Your form was not used yet. Reload this page to send it again just as you filled it in.",
)


def init_app(app: Flask) -> None:
    """Registers a page for every error; without it a proxy's or browser's own would show."""
    for code in default_exceptions:
        app.register_error_handler(code, _http_error)
    app.register_error_handler(PyMongoError, _database_error)
    app.register_error_handler(Busy, _busy)
    app.register_error_handler(TooMany, _too_many)
    app.register_error_handler(StorageAway, _cannot_count)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if isinstance(request.routing_exception, BadHost):
        # A page has links, and none can be made for a host that cannot be one.
        return error.get_response()
    code = error.code or 500
    _note(error, code)
    headers = dict(error.get_headers())
    headers.pop("Content-Type", None)
    return _page(code), code, headers


def _note(error: HTTPException, code: int) -> None:
    event = "csrf_refused" if isinstance(error, csrf.CSRFError) else _NOTED.get(code)
    # To those who may not see it nothing is there.
    if code == 404 and request.path.startswith("/admin"):
        event = "access_refused"
    if event:
        journal.note(event, outcome="refused", status=code)


def _database_error(error: PyMongoError) -> ResponseReturnValue:
    """The outcome of the write is unknown, and repeating it is safe (see the repository)."""
    current_app.logger.error("MongoDB: %s", type(error).__name__)
    return _away()


def _cannot_count(_error: StorageAway) -> ResponseReturnValue:
    """Without counting no form is taken: that would be tries without end."""
    return _away()


def _away() -> ResponseReturnValue:
    return _page(503, retry_after=_RETRY_SECONDS), 503, {"Retry-After": str(_RETRY_SECONDS)}


def _busy(error: Busy) -> ResponseReturnValue:
    """Whoever has the address, or whether anybody has, makes no difference to it."""
    journal.note("overloaded", outcome="refused")
    page = _page(503, retry_after=error.retry_after, words=_BUSY)
    return page, 503, {"Retry-After": str(error.retry_after)}


def _too_many(error: TooMany) -> ResponseReturnValue:
    """Says how long, and what works meanwhile."""
    words = _TOO_MANY.get(error.rule.partition("_")[0], _WORDS[429])
    action = {"label": "Home", "url": url_for("main.home")}
    if error.rule == "account":
        action = {"label": "Choose a new password by mail", "url": url_for("auth.forgot")}
    page = _page(429, retry_after=error.retry_after, words=words, action=action)
    return page, 429, {"Retry-After": str(error.retry_after)}


def _page(
    code: int,
    retry_after: int | None = None,
    words: Words | None = None,
    action: dict[str, str] | None = None,
) -> str:
    """Looks nobody up: the database may be what is broken."""
    words = words or _WORDS.get(code) or Words(HTTPStatus(code).phrase, "The request was refused.")
    return render_template(
        "errors/error.html",
        code=code,
        title=words.title,
        message=words.message,
        action=action or {"label": "Home", "url": url_for("main.home")},
        wait=retry_after and rounded_up(timedelta(seconds=retry_after)),
        request_id=request_id() if code >= 500 else None,
        anonymous=True,
    )
