"""Declares an operation of the API: its route, who may use it, its body and its answer.

The decorator does for every operation what the pages' decorators do: authenticate, check the CSRF
token, refuse people who lack something, read the body. `openapi.py` makes the document from the
same declarations, so the two cannot differ.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from inspect import cleandoc
from typing import Any

import msgspec
from flask import Response, request
from flask_login import current_user

from app.api.authentication import authenticate, check_csrf
from app.api.blueprint import bp
from app.api.bodies import BodyInvalid, FieldsInvalid, convert, read_body
from app.api.fields import FieldRefused
from app.api.idempotency import once
from app.api.problems import FieldError, invalid, problem
from app.web.access import Missing, missing
from app.web.proof import is_proved

View = Callable[..., Response]


class Who(Enum):
    """Who may use an operation."""

    ANYBODY = "anybody"
    SIGNED_IN = "anybody who is signed in, confirmed or not"
    CONFIRMED_WITHOUT_FACTOR = "confirmed, also where a second factor is due"
    CONFIRMED = "confirmed, with a second factor where the policy asks everybody for one"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query."""

    description: str
    pattern: str
    """What a value must match, as a regular expression."""
    refusal: str = "fields_invalid"
    """The code of the answer to another value."""


PARAMETERS = {
    "after": Parameter("The `next` of the page before.", "[0-9a-f]{16}"),
    "require": Parameter(
        "What must hold besides; may be repeated.", "admin|second-factor", "unknown_requirement"
    ),
    "redirect": Parameter("`true` leads a browser that opens a page to the form.", r"[\s\S]*"),
    "mode": Parameter("Whether the browser makes the passkey quietly.", "conditional"),
}


@dataclass(frozen=True, slots=True)
class Link:
    """What a value of the answer is good for: another operation, by its name."""

    to: str
    value: str
    """Where the value is in the answer, as a JSON pointer (RFC 6901)."""
    parameter: str = ""
    """The parameter that takes it, or `body_field` names a field of the body."""
    body_field: str = ""
    status: int = 200
    """The status of the answer that has the value."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is declared about one operation."""

    method: str
    path: str
    tag: str
    summary: str
    description: str
    status: int
    answer: type[msgspec.Struct] | None
    free_form: bool
    """Whether the answer is a JSON object that is not declared here."""
    body: type[msgspec.Struct] | None
    who: Who
    proof: bool
    """Whether it needs a proof of identity (ASVS 7.5.3)."""
    repeatable: bool
    """Whether an Idempotency-Key is honoured."""
    problems: tuple[str, ...]
    """The codes of its own refusals."""
    parameters: tuple[str, ...]
    """Names of parameters of the query."""
    second_answer: tuple[int, type[msgspec.Struct] | None] | None
    """Another status of success, with its answer."""
    links: tuple[Link, ...]

    @property
    def needs_body(self) -> bool:
        """Whether the body has a field that must be sent."""
        return self.body is not None and any(
            field.required for field in msgspec.structs.fields(self.body)
        )


OPERATIONS: dict[str, Operation] = {}
"""Every operation, by the name of its view."""


def operation(
    method: str,
    path: str,
    *,
    tag: str,
    status: int = 200,
    answer: type[msgspec.Struct] | None = None,
    free_form: bool = False,
    body: type[msgspec.Struct] | None = None,
    who: Who = Who.ANYBODY,
    proof: bool = False,
    repeatable: bool = False,
    problems: tuple[str, ...] = (),
    parameters: tuple[str, ...] = (),
    second_answer: tuple[int, type[msgspec.Struct] | None] | None = None,
    links: tuple[Link, ...] = (),
) -> Callable[[View], View]:
    """A decorator for views. The view gets the body, if one is declared, and the parts of the
    path. The first line of its docstring is the summary in the document, the rest the description.
    """

    def declare(view: View) -> View:
        summary, _, description = cleandoc(view.__doc__ or "").partition("\n")
        OPERATIONS[view.__name__] = declared = Operation(
            method=method,
            path=path,
            tag=tag,
            summary=summary.removesuffix("."),
            description=description.strip(),
            status=status,
            answer=answer,
            free_form=free_form,
            body=body,
            who=who,
            proof=proof,
            repeatable=repeatable,
            problems=problems,
            parameters=parameters,
            second_answer=second_answer,
            links=links,
        )
        endpoint = wraps(view)(lambda **parts: _answer(declared, view, parts))
        bp.add_url_rule(path, view.__name__, endpoint, methods=[method])
        return view

    return declare


def _answer(declared: Operation, view: View, parts: dict[str, Any]) -> Response:
    authenticate()
    check_csrf()
    if refusal := _access_refusal(declared) or _query_refusal(declared):
        return refusal
    try:
        reads = request.method not in {"GET", "HEAD"}
        values = read_body(needed=declared.needs_body) if reads else {}
        if declared.body:
            parts = {**parts, "body": convert(values, declared.body)}
        if declared.repeatable and "Idempotency-Key" in request.headers:
            return once(lambda: view(**parts))
        return view(**parts)
    except BodyInvalid:
        return problem("body_invalid")
    except FieldsInvalid as error:
        return invalid(*error.errors)
    except FieldRefused as error:
        return invalid(error.error)


def _access_refusal(declared: Operation) -> Response | None:
    """401 or 403 for a person who lacks something."""
    if declared.who is Who.ANYBODY:
        return None
    if declared.who is Who.SIGNED_IN:
        lacks = None if current_user.is_authenticated else Missing.SESSION
    else:
        lacks = missing(factor_needed=declared.who is Who.CONFIRMED)
    match lacks:
        case Missing.SESSION:
            return problem("authentication_required")
        case Missing.CONFIRMATION:
            return problem("confirmation_required")
        case Missing.SECOND_FACTOR:
            return problem("second_factor_required")
        case None:
            return None if not declared.proof or is_proved() else problem("proof_required")


def _query_refusal(declared: Operation) -> Response | None:
    """400 or 422 for a value that a parameter of the query does not have."""
    for name in declared.parameters:
        for value in request.args.getlist(name):
            if not re.fullmatch(PARAMETERS[name].pattern, value):
                errors = [FieldError(name, "unknown_value", "This value is not known here.")]
                return problem(PARAMETERS[name].refusal, errors=errors)
    return None
