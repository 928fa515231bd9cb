"""Load shedding: a form with a password is refused early when it could not be hashed in time."""

import os
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import BoundedSemaphore

from flask import Flask, request

from app.observability import metrics
from app.users import hash_queue
from app.users.hash_queue import HashQueue, HashQueueFull
from app.users.process_semaphore import ProcessSemaphore

CORES = "LATCHKEY_CORES"
"""Set by gunicorn.conf.py: the folder of the semaphore by which its workers share the cores."""

# Every form with one of these fields costs a hash.
_PASSWORDS = {"password", "current_password"}
_SHORTEST, _LONGEST = 0.25, 0.75  # seconds


def init_app(app: Flask) -> None:
    """Makes this process's hash queue, and refuses forms while it is full.

    Call it before anything that costs work per form: CSRF checks, rate limits, look-ups.
    """
    folder = os.environ.get(CORES)
    core: Callable[[], AbstractContextManager[None]] = nullcontext
    if folder:
        core = ProcessSemaphore(Path(folder), app.config["BCRYPT_AT_ONCE"]).acquire
    hash_queue.use(
        HashQueue(
            app.config["BCRYPT_THREADS"],
            app.config["BCRYPT_QUEUE"],
            on_hash=metrics.observe_hash,
            on_queue=metrics.set_hash_queue,
            core=core,
        )
    )
    app.before_request(_LoadShedder(app.config["BUSY_PAUSES"]).refuse_early)


class _LoadShedder:
    """Refuses forms with a password while the hash queue is full.

    The refusal must be equal for all addresses, and it must not be fast: clients that ignore
    Retry-After would be back at once, and thousands of refusals a second slow pages down as much as
    hashes do. So a refusal waits for half a second or so, on threads that are reserved for it; when
    these are all taken, it does not wait. The time varies, or clients that came together would come
    back together.

    Args:
        pauses: how many refusals may wait at once.
    """

    def __init__(self, pauses: int) -> None:
        self._pauses = BoundedSemaphore(pauses) if pauses else None

    def refuse_early(self) -> None:
        """Raises HashQueueFull for a form that would not be hashed in time."""
        if request.method != "POST" or _PASSWORDS.isdisjoint(request.form):
            return
        try:
            hash_queue.current.check()
        except HashQueueFull:
            self._pause()
            hash_queue.current.check()

    def _pause(self) -> None:
        if self._pauses and self._pauses.acquire(blocking=False):
            try:
                time.sleep(random.uniform(_SHORTEST, _LONGEST))  # noqa: S311 (spread, not a secret)
            finally:
                self._pauses.release()
