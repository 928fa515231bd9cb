"""Paths of pages and files in templates, each built once: a page names a dozen."""

from functools import lru_cache
from typing import Any

import flask
from flask import Flask, has_request_context, request


def init_app(app: Flask) -> None:
    """Gives templates a `url_for` that remembers."""

    # `script_root` is all of the request that a path depends on.
    @lru_cache(maxsize=256)
    def remembered(script_root: str, endpoint: str, filename: str | None) -> str:
        if filename is None:
            return flask.url_for(endpoint)
        return flask.url_for(endpoint, filename=filename)

    def url_for(endpoint: str, **values: Any) -> str:
        """Flask's; what has a part of its own, as a token, is built each time."""
        if values.keys() - {"filename"} or endpoint.startswith(".") or not has_request_context():
            return flask.url_for(endpoint, **values)
        return remembered(request.script_root, endpoint, values.get("filename"))

    app.jinja_env.globals["url_for"] = url_for
