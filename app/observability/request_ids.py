"""Request ids: each request has one. It is in every log line, in the answer and on error pages."""

import re
import secrets

from flask import Flask, current_app, g, request
from flask.wrappers import Response

from app.observability import logs

_HEADER = "X-Request-ID"
_VALID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def init_app(app: Flask) -> None:
    """Call it before anything else that handles requests, so that every log line has the id."""
    app.before_request(_begin)
    app.after_request(_answer)
    app.teardown_request(lambda _error: logs.unbind_all())


def request_id() -> str:
    """The id of the current request."""
    if "request_id" not in g:
        g.request_id = _from_proxy() or secrets.token_hex(8)
    name: str = g.request_id
    return name


def _from_proxy() -> str:
    """The id from the header, if a trusted proxy sets it. With the header of a stranger, one
    request could look like another one in the log."""
    sent = request.headers.get(_HEADER, "") if current_app.config["TRUSTED_PROXIES"] else ""
    return sent if _VALID.fullmatch(sent) else ""


def _begin() -> None:
    logs.unbind_all()
    logs.bind(
        request_id=request_id(),
        address=request.remote_addr or "",
        # Not the path, because the path of a link has the token.
        page=request.endpoint or "",
    )


def _answer(response: Response) -> Response:
    response.headers[_HEADER] = request_id()
    return response
