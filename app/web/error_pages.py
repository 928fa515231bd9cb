"""Error pages: every refusal is a page of the app, with a next step."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any

from flask import Flask, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import csrf
from pymongo.errors import PyMongoError
from werkzeug.exceptions import BadHost, HTTPException, default_exceptions

from app.flows.results import Busy, Limited
from app.mongo import is_outage
from app.observability import audit_log
from app.observability.request_ids import request_id
from app.security.attempts import StorageUnavailable
from app.users.hash_queue import HashQueueFull
from app.web.api_paths import is_for_api
from app.web.humanize import rounded_up
from app.web.shown_again import Alert, needs_no_form, shown_again

_RETRY_SECONDS = 5
_JSON = "api_errors"
# Refusals that may be part of an attack.
_RECORDED = {403: "access_refused", 413: "body_refused", 415: "body_refused"}


@dataclass(frozen=True, slots=True)
class Words:
    """What a page says about an error."""

    title: str
    message: str


_WORDS = {
    400: Words(
        "This form can no longer be used",
        "It was open for too long, or cookies are blocked. Go back, reload the page and try again.",
    ),
    403: Words("This page is not for you", "You are signed in, but this page is for other people."),
    404: Words("There is no such page", "The address may be mistyped, or the page has moved."),
    405: Words("This does not work here", "This page cannot be used in this way."),
    413: Words("This is too large", "You sent more than any form here accepts."),
    415: Words("Only forms work here", "What was sent is not a form that was filled in."),
    422: Words("Something is missing", "Some part of the form was not filled in correctly."),
    429: Words("Too many attempts", "Wait a moment, then try again."),
    431: Words(
        "Your browser sends too many cookies",
        "Other applications on this domain have stored more cookies in your browser than we can"
        " read. Open the settings of your browser, search for “cookies”, and delete those of this"
        " site and of the domain above it. Then open this page again. A private window works at"
        " once.",
    ),
    500: Words(
        "Something broke on our side",
        "It is not your fault, and we have a record of it. Try again in a moment.",
    ),
    503: Words(
        "We cannot reach our database",
        "Nothing is lost. Try again in a moment. You can safely send the same form twice.",
    ),
}
_STALE = Alert(
    "This page was open for too long",
    "Send the form again. If this comes back, allow cookies for this site.",
)
_TOO_MANY = {
    "account": Words(
        "Too many attempts to sign in",
        "Somebody has tried many passwords for this account, and this browser has not been signed"
        " in to it before. You can choose a new password by mail at once.",
    ),
    "mail": Words(
        "Too many mails to this address",
        "Many mails were sent to it within an hour. The newest mail works. Look for it in the"
        " junk folder, too.",
    ),
    "factor": Words(
        "Too many codes",
        "Many codes were tried for this account in a short time.",
    ),
    "code": Words(
        "Too many codes",
        "Many codes were tried for this address. Use the link in the newest mail instead.",
    ),
}
# The browser still has the form and can send it again. The page cannot repeat the form, because it
# must not contain the password.
_BUSY = Words(
    "Too many people at once",
    "Your form was not used. Reload this page to send the same form again.",
)


def init_app(app: Flask) -> None:
    """Registers a page for every error. Otherwise the proxy or the browser would show its own
    page."""
    for code in default_exceptions:
        app.register_error_handler(code, _page_or_json(_http_error))
    app.register_error_handler(csrf.CSRFError, _page_or_json(_stale_form))
    app.register_error_handler(PyMongoError, _page_or_json(_database_error))
    app.register_error_handler(StorageUnavailable, _page_or_json(_storage_unavailable))
    app.register_error_handler(HashQueueFull, _page_or_json(_hash_queue_full))


def answer_in_json(app: Flask, answer: Callable[[Exception], ResponseReturnValue]) -> None:
    """Uses this function for errors of requests for the API, instead of the pages."""
    app.extensions[_JSON] = answer


def _page_or_json(page: Callable[[Any], ResponseReturnValue]) -> Callable[[Any], Any]:
    @wraps(page)
    def handler(error: Exception) -> ResponseReturnValue:
        if is_for_api() and _JSON in current_app.extensions:
            answer: ResponseReturnValue = current_app.extensions[_JSON](error)
            return answer
        return page(error)

    return handler


def refusal_page(refusal: Limited | Busy) -> ResponseReturnValue:
    """The answer when a flow was refused for now."""
    match refusal:
        case Limited():
            return _limited_page(refusal)
        case Busy():
            return _busy_page()


def ask_to_wait(page: str, code: int, seconds: int) -> ResponseReturnValue:
    """The page, with `Retry-After` in seconds (RFC 9110, 10.2.3)."""
    return page, code, {"Retry-After": str(seconds)}


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if isinstance(request.routing_exception, BadHost):
        # Our pages have links, which cannot be built for an invalid host.
        return error.get_response()
    code = error.code or 500
    _record(error, code)
    headers = dict(error.get_headers())
    headers.pop("Content-Type", None)
    return _page(code), code, headers


def _stale_form(_error: csrf.CSRFError) -> ResponseReturnValue:
    """400 with a new form, which has the values of this one. A person who has signed in meanwhile
    does not need the form to sign in, and goes on."""
    audit_log.record("csrf_refused", outcome="refused", status=400)
    page = shown_again(_STALE, 400)
    if page is None:
        return _page(400), 400
    if page.location is None or needs_no_form():
        return page
    words = Words(_STALE.title, "Nothing was done. Go on from here, then try again.")
    return _page(400, words=words, action={"label": "Go on", "url": page.location}), 400


def _record(error: HTTPException, code: int) -> None:
    event = _RECORDED.get(code)
    # People who may not see the pages of administrators get a 404.
    if code == 404 and request.path.startswith("/admin"):
        event = "access_refused"
    if event:
        audit_log.record(event, outcome="refused", status=code)


def _database_error(error: PyMongoError) -> ResponseReturnValue:
    """503 while MongoDB is away: the outcome of the write is unknown, and repeating it is safe.

    Any other error is our fault: Flask logs its traceback and answers with the page for 500.
    """
    if not is_outage(error):
        raise error
    current_app.logger.error("MongoDB: %s", type(error).__name__)
    return _unavailable()


def _storage_unavailable(error: StorageUnavailable) -> ResponseReturnValue:
    """503: no form is accepted without counting attempts, because guessing would have no limit."""
    current_app.logger.error("rate limits: %s", error)
    return _unavailable()


def _unavailable() -> ResponseReturnValue:
    return ask_to_wait(_page(503, retry_after=_RETRY_SECONDS), 503, _RETRY_SECONDS)


def _hash_queue_full(_error: HashQueueFull) -> ResponseReturnValue:
    """For a form that was refused early, before any flow."""
    return _busy_page()


def _busy_page() -> ResponseReturnValue:
    """The page is the same for every address, with or without an account."""
    audit_log.record("overloaded", outcome="refused")
    page = _page(503, retry_after=_RETRY_SECONDS, words=_BUSY)
    return ask_to_wait(page, 503, _RETRY_SECONDS)


def _limited_page(limited: Limited) -> ResponseReturnValue:
    """Says how long to wait and what works meanwhile, above the form as it was filled in."""
    words = _TOO_MANY.get(limited.rule.partition("_")[0], _WORDS[429])
    wait, action = limited.retry_after, None
    if limited.rule == "account":
        action = {"label": "Choose a new password by mail", "url": url_for("auth.forgot")}
    message = f"{words.message} You can try again in {_in_words(wait)}."
    form = shown_again(Alert(words.title, message, action), 429)
    if form is None or form.location:
        return ask_to_wait(_page(429, retry_after=wait, words=words, action=action), 429, wait)
    form.headers["Retry-After"] = str(wait)
    return form


def _in_words(seconds: int) -> str:
    return rounded_up(timedelta(seconds=seconds))


def _page(
    code: int,
    retry_after: int | None = None,
    words: Words | None = None,
    action: dict[str, str] | None = None,
) -> str:
    """Renders an error page. It reads nothing from the database, which may be the cause of the
    error."""
    words = words or _WORDS.get(code) or Words(HTTPStatus(code).phrase, "The request was refused.")
    return render_template(
        "errors/error.html",
        code=code,
        title=words.title,
        message=words.message,
        action=action or {"label": "Home", "url": url_for("main.home")},
        wait=retry_after and _in_words(retry_after),
        request_id=request_id() if code >= 500 else None,
        anonymous=True,
    )
