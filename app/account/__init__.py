"""The pages of a person's own confirmed account: one module per journey."""

from flask import Flask

from app.account import (
    change_email,
    change_password,
    delete,
    export,
    keep_factors,
    passkeys,
    profile,
    recovery_codes,
    security,
    sessions,
    totp,
)
from app.account.blueprint import bp

__all__ = [
    "change_email",
    "change_password",
    "delete",
    "export",
    "init_app",
    "keep_factors",
    "passkeys",
    "profile",
    "recovery_codes",
    "security",
    "sessions",
    "totp",
]


def init_app(app: Flask) -> None:
    """Adds the pages."""
    app.register_blueprint(bp)
