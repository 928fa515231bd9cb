"""Cross-origin calls (CORS): scripts of the sites in API_ORIGINS may call the API with a bearer
token. Cookies are never allowed, so no other site can use the session of a browser."""

from flask import Flask, Response, current_app, request

from app.api.answers import reply
from app.web.api_paths import is_for_api

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "Retry-After, WWW-Authenticate, X-Request-ID"


def init_app(app: Flask) -> None:
    """Answers preflights, and adds the headers to answers of the API."""
    app.before_request(_answer_preflight)
    app.after_request(_allow)


def _answer_preflight() -> Response | None:
    asks = "Access-Control-Request-Method" in request.headers
    if request.method == "OPTIONS" and is_for_api() and asks and _allowed():
        answer = reply(status=204)
        answer.headers.update(_PREFLIGHT)
        return answer
    return None


def _allow(answer: Response) -> Response:
    if not is_for_api() or not current_app.config["API_ORIGINS"]:
        return answer
    answer.vary.add("Origin")
    if _allowed():
        answer.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        answer.headers["Access-Control-Expose-Headers"] = _EXPOSED
    return answer


def _allowed() -> bool:
    """Whether the origin is one of API_ORIGINS, compared exactly (ASVS 3.4.2)."""
    return request.headers.get("Origin") in current_app.config["API_ORIGINS"]
