"""Which requests are for the JSON API. Their bodies and answers, errors included, are JSON."""

from flask import request

API = "/api/v1"


def is_for_api() -> bool:
    """Whether the present request is for the API, also when no route matches it."""
    return request.path == API or request.path.startswith(f"{API}/")
