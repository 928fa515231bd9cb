"""Registering, confirming, signing in and out: one module a journey."""

from flask import Flask

from app import sessions
from app.auth import confirm, email_change, register, reset, sign_in, waiting
from app.auth.blueprint import bp

__all__ = ["confirm", "email_change", "init_app", "register", "reset", "sign_in", "waiting"]


def init_app(app: Flask) -> None:
    """Adds the pages and the loader of the signed-in account."""
    sessions.init_app(app)
    app.register_blueprint(bp)
