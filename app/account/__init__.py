"""What a person does with a confirmed account: one module a matter."""

from flask import Flask

from app.account import email, leaving, password, profile, sessions
from app.account.blueprint import bp

__all__ = ["email", "init_app", "leaving", "password", "profile", "sessions"]


def init_app(app: Flask) -> None:
    """Adds the pages."""
    app.register_blueprint(bp)
