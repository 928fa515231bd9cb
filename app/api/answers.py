"""Successful answers."""

import msgspec
from flask import Response


def reply(answer: msgspec.Struct | None = None, status: int = 200) -> Response:
    """A successful answer; without a body, it has no media type either."""
    if answer is None:
        empty = Response(status=status)
        del empty.headers["Content-Type"]
        return empty
    return Response(msgspec.json.encode(answer), status, mimetype="application/json")
