"""The JSON API: the same flows as the pages, with JSON for bodies and answers.

One module for each group of operations. `operations.py` declares them, `problems.py` has their
refusals, `openapi.py` makes the document.
"""

from flask import Flask

from app.api import (
    accounts,
    confirmation,
    cross_origin,
    document,
    email,
    password,
    second_factors,
    session,
    sessions,
    verify,
)
from app.api.blueprint import bp
from app.api.problems import error_problem
from app.extensions import csrf
from app.web.error_pages import answer_in_json

__all__ = [
    "accounts",
    "confirmation",
    "document",
    "email",
    "init_app",
    "password",
    "second_factors",
    "session",
    "sessions",
    "verify",
]


def init_app(app: Flask) -> None:
    """Adds the API. Its own check of the CSRF token is in `authentication.py`."""
    csrf.exempt(bp)
    cross_origin.init_app(app)
    answer_in_json(app, error_problem)
    app.register_blueprint(bp)
    app.register_blueprint(document.docs)
