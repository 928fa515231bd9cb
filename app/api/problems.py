"""Refusals as problem details (RFC 9457), with a code that programs can rely on.

`PROBLEMS` is the documented list of codes; docs/api.md shows it, and a test compares the two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import msgspec
from flask import Response, current_app
from flask_wtf import csrf
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException

from app.flows.opened_link import LinkRefused
from app.flows.results import Busy, Limited
from app.mongo import is_outage
from app.observability import audit_log
from app.observability.request_ids import request_id
from app.security.attempts import StorageUnavailable
from app.users.hash_queue import HashQueueFull
from app.users.link_outcomes import LinkOutcome

MEDIA_TYPE = "application/problem+json"
CHALLENGE = "Bearer"
"""The value of `WWW-Authenticate` with every 401 (RFC 9110, 11.6.1)."""
_RETRY_SECONDS = 5


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field of the body."""

    field: Annotated[
        str,
        msgspec.Meta(
            description="The name of the field; empty when it is about the body as a whole."
        ),
    ]
    code: str
    detail: str


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every refusal."""

    type: Annotated[str, msgspec.Meta(description="The URL of the description of the code.")]
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[FieldError] = []


@dataclass(frozen=True, slots=True)
class Problem:
    """A kind of refusal."""

    status: int
    title: str
    detail: str


PROBLEMS = {
    "body_invalid": Problem(
        400, "The body is not valid JSON", "Send one JSON object, without duplicate names or NaN."
    ),
    "unknown_requirement": Problem(
        400, "Unknown requirement", "`require` is `admin` or `second-factor`."
    ),
    "idempotency_key_invalid": Problem(
        400,
        "The Idempotency-Key cannot be used",
        "It has 1 to 255 ASCII letters, digits and signs, without spaces.",
    ),
    "request_invalid": Problem(400, "The request is not valid", "It cannot be understood."),
    "authentication_required": Problem(
        401, "Sign in first", "The request has no session, or the session has ended."
    ),
    "credentials_wrong": Problem(401, "Not signed in", "Address and password do not match."),
    "ticket_invalid": Problem(
        401, "The ticket cannot be used", "It is too old, or the account was changed. Start again."
    ),
    "csrf_failed": Problem(
        403,
        "The CSRF token is missing or wrong",
        "Send `csrf_token` of `GET /session` in the header X-CSRF-Token.",
    ),
    "confirmation_required": Problem(
        403, "Confirm your address first", "The address of this account is not confirmed yet."
    ),
    "second_factor_required": Problem(
        403, "A second factor is required", "The account, or this session, lacks a second factor."
    ),
    "proof_required": Problem(
        403, "Prove who you are first", "Send a proof to `POST /session/proof`, then repeat this."
    ),
    "password_required": Problem(
        403, "The password is required", "This link needs the password of its account."
    ),
    "password_not_enough": Problem(
        403, "A password is not enough", "Use a code or a passkey as proof."
    ),
    "account_disabled": Problem(
        403, "The account is disabled", "An administrator of this site can enable it again."
    ),
    "forbidden": Problem(403, "Not allowed", "This account may not do that."),
    "not_found": Problem(404, "Not found", "There is nothing here."),
    "method_not_allowed": Problem(
        405, "Wrong method", "The header Allow has the methods of this path."
    ),
    "changed_elsewhere": Problem(
        409, "Changed meanwhile", "The account was changed at the same moment. Nothing was done."
    ),
    "already_confirmed": Problem(409, "Confirmed already", "The address is confirmed already."),
    "address_taken": Problem(409, "The address is taken", "Another account has this address now."),
    "last_administrator": Problem(
        409, "The last administrator", "Make somebody else an administrator first."
    ),
    "totp_exists": Problem(
        409, "There is an authenticator app", "Remove it before you add another one."
    ),
    "too_many_passkeys": Problem(
        409, "Too many passkeys", "Remove a passkey before you add another one."
    ),
    "no_second_factor": Problem(
        409, "No second factor", "Recovery codes come with the first second factor."
    ),
    "reset_waiting": Problem(
        409, "A removal waits already", "The removal of the second factors has been asked for."
    ),
    "idempotency_key_in_use": Problem(
        409, "Still running", "The first request with this Idempotency-Key has no answer yet."
    ),
    "link_expired": Problem(410, "The link is too old", "Ask for a new mail."),
    "link_superseded": Problem(410, "There is a newer mail", "Only the newest link works."),
    "link_used": Problem(410, "The link was used", "What it was for is done."),
    "link_other_account": Problem(
        410, "Another account's link", "This session is signed in to another account."
    ),
    "link_damaged": Problem(410, "The link is damaged", "Copy it from the mail again."),
    "link_gone": Problem(410, "The account is gone", "There is no account for this link any more."),
    "body_too_large": Problem(413, "The body is too large", "A body has 64 kB at most."),
    "media_type_unsupported": Problem(
        415, "Only JSON is accepted", "Send the body as application/json."
    ),
    "fields_invalid": Problem(
        422, "Some fields cannot be used", "`errors` says which, and what is wrong."
    ),
    "code_wrong": Problem(422, "The code is wrong", "The code is wrong, or it was used already."),
    "code_expired": Problem(422, "The code is too old", "Ask for a new mail and use its code."),
    "code_tries_used_up": Problem(
        422, "Too many wrong codes", "Use the link in the newest mail, or ask for a new mail."
    ),
    "passkey_refused": Problem(
        422, "The passkey was refused", "It is unknown, or its answer is not valid here."
    ),
    "idempotency_key_reused": Problem(
        422, "The Idempotency-Key was used", "It was sent before with another body."
    ),
    "too_many_attempts": Problem(429, "Too many attempts", "Wait, then try again."),
    "mail_sent_moments_ago": Problem(
        429, "A mail was sent moments ago", "Wait, then ask for another mail."
    ),
    "headers_too_large": Problem(
        431, "The headers are too large", "Send fewer or smaller cookies."
    ),
    "internal_error": Problem(
        500, "Something broke on our side", "It is recorded under `request_id`."
    ),
    "unavailable": Problem(
        503, "The database is away", "Nothing is lost. Repeat the request; that is safe."
    ),
    "busy": Problem(503, "Too many sign-ins at once", "Nothing was done. Repeat the request."),
}
"""Every code, with its status and what people read."""

_OF_LINKS = {
    LinkOutcome.READY: "changed_elsewhere",  # another step came first
    LinkOutcome.EXPIRED: "link_expired",
    LinkOutcome.SUPERSEDED: "link_superseded",
    LinkOutcome.ALREADY_DONE: "link_used",
    LinkOutcome.ANOTHER_ACCOUNT: "link_other_account",
    LinkOutcome.TAKEN: "address_taken",
    LinkOutcome.DAMAGED: "link_damaged",
    LinkOutcome.GONE: "link_gone",
    LinkOutcome.DISABLED: "account_disabled",
}
_OF_STATUS = {
    400: "request_invalid",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "media_type_unsupported",
    431: "headers_too_large",
}
_RECORDED = {413: "body_refused", 415: "body_refused"}


def problem(
    code: str, *, retry_after: int | None = None, errors: Iterable[FieldError] = ()
) -> Response:
    """The answer of a refusal.

    Args:
        code: a key of `PROBLEMS`.
        retry_after: seconds, for `Retry-After` (RFC 9110, 10.2.3).
        errors: what is wrong with the fields.
    """
    kind = PROBLEMS[code]
    details = ProblemDetails(
        type=f"{current_app.config['PUBLIC_URL']}/api/docs#{code}",
        title=kind.title,
        status=kind.status,
        code=code,
        detail=kind.detail,
        request_id=request_id(),
        errors=list(errors),
    )
    answer = Response(msgspec.json.encode(details), kind.status, mimetype=MEDIA_TYPE)
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    if kind.status == 401:
        answer.headers["WWW-Authenticate"] = CHALLENGE
    return answer


def invalid(*errors: FieldError) -> Response:
    """422: these fields cannot be used."""
    return problem("fields_invalid", errors=errors)


def code_refused(code: str = "code_wrong") -> Response:
    """422: what was sent as `code` does not count."""
    return problem(code, errors=[FieldError("code", code, PROBLEMS[code].detail)])


def refused_for_now(refusal: Limited | Busy) -> Response:
    """429 or 503: repeating the request later may work."""
    match refusal:
        case Limited():
            return problem("too_many_attempts", retry_after=refusal.retry_after)
        case Busy():
            audit_log.record("overloaded", outcome="refused")
            return problem("busy", retry_after=_RETRY_SECONDS)


def link_refused(refused: LinkRefused) -> Response:
    """410 in most cases: the link cannot be used."""
    return problem(_OF_LINKS[refused.outcome])


def error_problem(error: Exception) -> Response:
    """The answer to a request below the API that raised an error."""
    match error:
        case HashQueueFull():
            return refused_for_now(Busy())
        case StorageUnavailable():
            current_app.logger.error("rate limits: %s", error)
            return problem("unavailable", retry_after=_RETRY_SECONDS)
        case PyMongoError():
            if not is_outage(error):
                raise error
            current_app.logger.error("MongoDB: %s", type(error).__name__)
            return problem("unavailable", retry_after=_RETRY_SECONDS)
        case csrf.CSRFError():
            return problem("csrf_failed")
        case HTTPException():
            return _of_status(error)
        case _:
            return problem("internal_error")


def _of_status(error: HTTPException) -> Response:
    status = error.code or 500
    code = _OF_STATUS.get(status, "internal_error" if status >= 500 else "request_invalid")
    if status in _RECORDED:
        audit_log.record(_RECORDED[status], outcome="refused", status=status)
    answer = problem(code)
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers[name] = value
    return answer
