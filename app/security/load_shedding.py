"""Load shedding: refuses forms with a password early, when the password could not be hashed in
time."""

from flask import Flask, request

from app.observability import metrics
from app.users import hash_queue
from app.users.hash_queue import HashQueue

# Every form with one of these fields costs a hash.
_PASSWORDS = {"password", "current_password"}


def init_app(app: Flask) -> None:
    """Makes the hash queue of this process, and refuses forms while it is full.

    Call it before everything that does work for a form: CSRF checks, rate limits, look-ups.
    """
    at_once, queue = app.config["BCRYPT_AT_ONCE"], app.config["BCRYPT_QUEUE"]
    hash_queue.use(HashQueue(at_once, queue, on_hash=metrics.observe_hash))
    app.before_request(_refuse_early)


def _refuse_early() -> None:
    """Raises HashQueueFull for a form whose password would not be hashed in time."""
    if request.method == "POST" and not _PASSWORDS.isdisjoint(request.form):
        hash_queue.current.check()
