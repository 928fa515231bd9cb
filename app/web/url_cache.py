"""The URL cache: paths of pages and files in templates are built once; a page has a dozen."""

from functools import lru_cache
from typing import Any

import flask
from flask import Flask, has_request_context, request


def init_app(app: Flask) -> None:
    """Gives templates a `url_for` with a cache."""

    # A path depends on nothing else of the request than `script_root`.
    @lru_cache(maxsize=256)
    def cached(script_root: str, endpoint: str, filename: str | None) -> str:
        if filename is None:
            return flask.url_for(endpoint)
        return flask.url_for(endpoint, filename=filename)

    def url_for(endpoint: str, **values: Any) -> str:
        """As Flask's. A path with variable parts, such as a token, is built each time."""
        if values.keys() - {"filename"} or endpoint.startswith(".") or not has_request_context():
            return flask.url_for(endpoint, **values)
        return cached(request.script_root, endpoint, values.get("filename"))

    app.jinja_env.globals["url_for"] = url_for
