"""The API for other programs, below `/api/v1`."""

from flask import Flask

from app.api import verify
from app.api.blueprint import bp

__all__ = ["init_app", "verify"]


def init_app(app: Flask) -> None:
    """Adds the routes."""
    app.register_blueprint(bp)
