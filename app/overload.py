"""Overload: hashes are bounded, and who would wait too long is told before anything is done."""

from flask import Flask, request

from app.users import hashing

# A form with one of these costs a hash, whichever form it is.
_PASSWORDS = {"password", "current_password"}


def init_app(app: Flask) -> None:
    """Opens this process's gate for hashes, and turns forms away while it is full.

    To be called before whatever costs a form something, as CSRF checks, limits and look-ups do.
    """
    hashing.open_gate(app.config["BCRYPT_AT_ONCE"], app.config["BCRYPT_QUEUE"])
    app.before_request(_turn_away_early)


def _turn_away_early() -> None:
    """In a flood most are turned away: that must be cheap, and equal for all addresses."""
    if request.method == "POST" and not _PASSWORDS.isdisjoint(request.form):
        hashing.gate.check()
