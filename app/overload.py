"""Overload: hashes are bounded, and who would wait too long is told before anything is done."""

import os
import random
import time
from contextlib import nullcontext
from pathlib import Path
from threading import BoundedSemaphore

from flask import Flask, request

from app import metrics
from app.users import hashing
from app.users.cores import Cores

CORES = "LATCHKEY_CORES"
"""Set by gunicorn.conf.py: the folder through which its workers share the machine's cores."""

# A form with one of these costs a hash, whichever form it is.
_PASSWORDS = {"password", "current_password"}
_SHORTEST, _LONGEST = 0.25, 0.75  # seconds


def init_app(app: Flask) -> None:
    """Opens this process's gate for hashes, and turns forms away while it is full.

    To be called before whatever costs a form something, as CSRF checks, limits and look-ups do.
    """
    folder = os.environ.get(CORES)
    gate = hashing.HashGate(
        app.config["BCRYPT_THREADS"],
        app.config["BCRYPT_QUEUE"],
        on_hash=metrics.observe_hash,
        on_queue=metrics.set_hash_queue,
        core=Cores(Path(folder), app.config["BCRYPT_AT_ONCE"]).one if folder else nullcontext,
    )
    hashing.open_gate(gate)
    door = _Door(app.config["BUSY_PAUSES"])
    app.before_request(door.turn_away_early)


class _Door:
    """Where forms with a password come in.

    In a flood most are turned away. That must be equal for all addresses, and it must not be quick:
    whoever ignores Retry-After would be back at once, and thousands of refusals a second keep
    pages waiting as surely as hashes do. So a refusal takes half a second or so, on threads that
    are there for it; once these are all taken, it does not. Not the same time for each, or those
    who came together would come back as one wave.

    Args:
        pauses: how many refusals may take their time at once.
    """

    def __init__(self, pauses: int) -> None:
        self._pauses = BoundedSemaphore(pauses) if pauses else None

    def turn_away_early(self) -> None:
        """Raises Busy for a form that would not be hashed in time."""
        if request.method != "POST" or _PASSWORDS.isdisjoint(request.form):
            return
        try:
            hashing.gate.check()
        except hashing.Busy:
            self._pause()
            hashing.gate.check()

    def _pause(self) -> None:
        if self._pauses and self._pauses.acquire(blocking=False):
            try:
                time.sleep(random.uniform(_SHORTEST, _LONGEST))  # noqa: S311 (spread, not a secret)
            finally:
                self._pauses.release()
