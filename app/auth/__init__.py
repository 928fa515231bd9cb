"""The pages for people who are signed out or wait for the mail: one module per journey."""

from flask import Flask

from app.auth import (
    change_email,
    confirm,
    disown,
    factor_reset,
    passkey,
    reauth,
    register,
    resend,
    reset,
    second_step,
    sign_in,
    sign_out,
    start_over,
    waiting,
)
from app.auth.blueprint import bp

__all__ = [
    "change_email",
    "confirm",
    "disown",
    "factor_reset",
    "init_app",
    "passkey",
    "reauth",
    "register",
    "resend",
    "reset",
    "second_step",
    "sign_in",
    "sign_out",
    "start_over",
    "waiting",
]


def init_app(app: Flask) -> None:
    """Adds the pages."""
    app.register_blueprint(bp)
