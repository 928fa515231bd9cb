"""Makes the OpenAPI 3.1 document from the declared operations and the types of their bodies.

msgspec makes the JSON Schemas. The rest is put together here, because the libraries that make whole
documents read the bodies themselves, and less strictly (see docs/architecture.md).
"""

from typing import Any

import msgspec

from app.api.operations import OPERATIONS, PARAMETERS, Link, Operation, Who
from app.api.problems import MEDIA_TYPE, PROBLEMS, ProblemDetails

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"
_BEARER: Json = {"bearer": []}
_COOKIE: Json = {"cookie": []}
_COOKIE_AND_CSRF: Json = {"cookie": [], "csrf": []}
_LACKS = {
    Who.ANYBODY: (),
    Who.SIGNED_IN: ("authentication_required",),
    Who.CONFIRMED_WITHOUT_FACTOR: ("authentication_required", "confirmation_required"),
    Who.CONFIRMED: (
        "authentication_required",
        "confirmation_required",
        "second_factor_required",
    ),
}
_OF_BODIES = ("body_invalid", "body_too_large", "media_type_unsupported")
_OF_KEYS = ("idempotency_key_invalid", "idempotency_key_in_use", "idempotency_key_reused")
_ID = "<string(length=16):handle>"
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    }
}


def openapi_document(name: str, server: str, cookie: str) -> Json:
    """The document.

    Args:
        name: of the app.
        server: the URL that the paths begin at.
        cookie: the name of the session cookie.
    """
    kinds = {ProblemDetails, *_types_in(OPERATIONS.values())}
    _, schemas = msgspec.json.schema_components(
        sorted(kinds, key=lambda kind: kind.__name__), ref_template=_REFERENCE
    )
    paths: dict[str, Json] = {}
    for view, declared in OPERATIONS.items():
        methods = paths.setdefault(path_of(declared), {})
        methods[declared.method.lower()] = _operation(view, declared)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": "1",
            "description": "Accounts whose mail address is confirmed.",
        },
        "servers": [{"url": server}],
        "tags": [{"name": tag} for tag in _tags()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def path_of(declared: Operation) -> str:
    """The path as OpenAPI writes it."""
    return declared.path.replace(_ID, "{id}")


def codes_of(declared: Operation) -> list[str]:
    """Every code that this operation can answer with, in the order of the documented list."""
    codes = {*declared.problems, *_LACKS[declared.who], "unavailable"}
    if declared.method != "GET":
        codes |= {"csrf_failed", *_OF_BODIES}
    if declared.proof:
        codes.add("proof_required")
    if declared.body or declared.parameters:
        codes |= {"fields_invalid", *(PARAMETERS[name].refusal for name in declared.parameters)}
    if declared.repeatable:
        codes |= set(_OF_KEYS)
    return [code for code in PROBLEMS if code in codes]


def _operation(view: str, declared: Operation) -> Json:
    described: Json = {
        "operationId": view,
        "tags": [declared.tag],
        "summary": declared.summary,
        "security": _security(declared),
        "responses": _responses(declared),
    }
    if declared.description:
        described["description"] = declared.description
    if parameters := _parameters(declared):
        described["parameters"] = parameters
    if declared.body:
        described["requestBody"] = {
            "required": declared.needs_body,
            "content": {"application/json": {"schema": _schema(declared.body)}},
        }
    return described


def _security(declared: Operation) -> list[Json]:
    with_cookie = _COOKIE if declared.method == "GET" else _COOKIE_AND_CSRF
    schemes = [_BEARER, with_cookie]
    return [{}, *schemes] if declared.who is Who.ANYBODY else schemes


def _parameters(declared: Operation) -> list[Json]:
    parameters = [
        _parameter(name, "query", described.description, {"pattern": f"^({described.pattern})$"})
        for name in declared.parameters
        if (described := PARAMETERS[name])
    ]
    if _ID in declared.path:
        own: Json = {"pattern": "^[0-9a-f]{16}$"}
        parameters.append(_parameter("id", "path", "From the list.", own, required=True))
    if declared.repeatable:
        own = {"minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        parameters.append(_parameter("Idempotency-Key", "header", "To repeat the request.", own))
    return parameters


def _parameter(
    name: str, place: str, description: str, schema: Json, *, required: bool = False
) -> Json:
    return {
        "name": name,
        "in": place,
        "description": description,
        "required": required,
        "schema": {"type": "string", **schema},
    }


def _responses(declared: Operation) -> Json:
    responses = {str(declared.status): _success(declared.answer, declared)}
    if declared.second_answer:
        status, answer = declared.second_answer
        responses[str(status)] = _success(answer, declared)
    for link in declared.links:
        responses[str(link.status)].setdefault("links", {})[link.to] = _link(link)
    by_status: dict[int, list[str]] = {}
    for code in codes_of(declared):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _refusal(status, codes)
    return responses


def _success(answer: type[msgspec.Struct] | None, declared: Operation) -> Json:
    if answer:
        schema = _schema(answer)
        description = (answer.__doc__ or "").partition("\n")[0]
    elif declared.free_form:
        schema, description = {"type": "object"}, declared.summary
    else:
        return {"description": "Done."}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _refusal(status: int, codes: list[str]) -> Json:
    refusal: Json = {
        "description": ", ".join(f"`{code}`" for code in codes),
        "content": {MEDIA_TYPE: {"schema": _schema(ProblemDetails)}},
    }
    if status in {429, 503}:
        refusal["headers"] = _RETRY_AFTER
    return refusal


def _link(link: Link) -> Json:
    described: Json = {"operationId": link.to}
    if link.parameter:
        described["parameters"] = {link.parameter: f"$response.body#{link.value}"}
    else:
        described["requestBody"] = {link.body_field: f"$response.body#{link.value}"}
    return described


def _schema(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _types_in(operations: Any) -> set[type[msgspec.Struct]]:
    kinds = set()
    for declared in operations:
        second = declared.second_answer[1] if declared.second_answer else None
        kinds |= {kind for kind in (declared.body, declared.answer, second) if kind}
    return kinds


def _tags() -> list[str]:
    return list(dict.fromkeys(declared.tag for declared in OPERATIONS.values()))
