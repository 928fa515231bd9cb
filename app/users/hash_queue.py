"""The hash queue: limits how many passwords are hashed at once.

A hash takes a core for a fifth of a second, a page takes a few milliseconds. Without a limit, a
flood of sign-ins would keep every thread of the web server busy and slow all pages down. So hashes
run on a few threads with a lower priority, a few more wait, and the rest are refused at once.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")

# Steps of `nice`: when all cores are busy, a page gets three times the CPU time of a hash.
_NICENESS = 5
# Seconds that a hash may wait for its turn. A page must answer within 5 s, and it does more than
# hash.
_PATIENCE = 3.0
# Used until the settings are read.
_SHORT_QUEUE = 4


class HashQueueFull(Exception):
    """Too many passwords are being hashed; nothing was done, and trying again later is safe."""


class HashQueue:
    """Runs up to `at_once` hashes, lets up to `queue` more wait, and refuses the rest.

    Args:
        at_once: how many run at the same time in this process.
        queue: how many may wait; each holds the thread of its request.
        patience: seconds that a hash may wait for its turn.
        on_hash: called with the seconds that each hash took.
    """

    def __init__(
        self,
        at_once: int,
        queue: int,
        patience: float = _PATIENCE,
        on_hash: Callable[[float], object] | None = None,
    ) -> None:
        self.patience, self._on_hash = patience, on_hash
        # The pool starts its threads at the first hash, which is after the web server has forked.
        self._threads = ThreadPoolExecutor(at_once, "bcrypt", initializer=_lower_priority)
        self._places, self._taken, self._lock = at_once + queue, 0, threading.Lock()

    def run(self, work: Callable[[], T]) -> T:
        """Runs `work` when its turn comes; returns or raises what `work` does.

        Raises:
            HashQueueFull: the queue is full, or the turn did not come within `patience`.
        """
        with self._place():
            turn = self._threads.submit(self._timed, work)
            try:
                return turn.result(self.patience)
            except TimeoutError:
                # A hash that has begun cannot be stopped, but it ends soon.
                if turn.cancel():
                    raise HashQueueFull from None
                return turn.result()

    def check(self) -> None:
        """Raises HashQueueFull if the queue is full. Called before a request costs any work."""
        if self._taken >= self._places:
            raise HashQueueFull

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._lock:
            self.check()
            self._taken += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1

    def _timed(self, work: Callable[[], T]) -> T:
        began = perf_counter()
        try:
            return work()
        finally:
            if self._on_hash:
                self._on_hash(perf_counter() - began)


def _lower_priority() -> None:
    # Only Linux has priorities per thread; elsewhere this would lower the whole process.
    if sys.platform == "linux":
        niceness = os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, niceness))


current = HashQueue(os.cpu_count() or 1, _SHORT_QUEUE)
"""The queue of this process."""


def use(queue: HashQueue) -> HashQueue:
    """Replaces the queue of this process by one with the limits of the settings."""
    global current
    current = queue
    return current
