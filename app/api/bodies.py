"""Reads bodies: one JSON object, whose fields must have the declared types.

JSON itself is read strictly. Parsers differ on duplicate names and on NaN, and a body that two
programs read differently can be an attack (RFC 8259, 4 and 6).
"""

import json
from typing import Any, TypeVar

import msgspec
from flask import abort, request
from msgspec import Struct, ValidationError
from msgspec.structs import FieldInfo

from app.api.problems import FieldError
from app.users import hash_queue

B = TypeVar("B", bound=Struct)

_MAX_DEPTH = 20
# Every body with one of these fields costs a hash.
_PASSWORDS = {"password", "current_password"}


class BodyInvalid(Exception):
    """The body is not one JSON object that every parser reads alike."""


class FieldsInvalid(Exception):
    """Fields are missing or have another type."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        super().__init__()


def read_body(*, needed: bool) -> dict[str, Any]:
    """The object in the body; empty when there is none.

    Args:
        needed: whether an empty body is refused. Many programs send `Content-Type` always.

    Raises:
        BodyInvalid: it is not JSON, or not strictly.
        FieldsInvalid: it is not an object.
        HashQueueFull: it has a password, which could not be hashed in time.
        HTTPException: 413 or 415.
    """
    text = request.get_data()
    if not text and not request.mimetype:
        return {}
    if request.mimetype != "application/json":
        abort(415)
    if not text and not needed:
        return {}
    value = _parse(text)
    if not isinstance(value, dict):
        raise FieldsInvalid([FieldError("", "wrong_type", "The body must be an object.")])
    if not _PASSWORDS.isdisjoint(value):
        hash_queue.current.check()
    return value


def convert(values: dict[str, Any], kind: type[B]) -> B:
    """The declared body with these values. Unknown fields are ignored.

    Raises:
        FieldsInvalid: names every field that is missing or has another type.
    """
    try:
        return msgspec.convert(values, kind)
    except ValidationError:
        errors = [_error_of(field, values) for field in msgspec.structs.fields(kind)]
        raise FieldsInvalid([error for error in errors if error]) from None


def _error_of(field: FieldInfo, values: dict[str, Any]) -> FieldError | None:
    if field.name not in values:
        if field.required:
            return FieldError(field.name, "required", "This field is required.")
        return None
    try:
        msgspec.convert(values[field.name], field.type)
    except ValidationError as error:
        return FieldError(field.name, "wrong_type", f"{error}.")
    return None


def _parse(text: bytes) -> Any:
    try:
        value = json.loads(
            text.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse
        )
        # A half of a surrogate pair is no character, and MongoDB does not store it.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise BodyInvalid from None
    if _too_deep(value, _MAX_DEPTH):
        raise BodyInvalid
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name occurs twice")
    return values


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _too_deep(value: Any, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_too_deep(part, levels - 1) for part in parts)
