"""Where bcrypt runs: on as many threads as there are cores, behind a short queue.

A hash costs a fifth of a second of a core, a page a few milliseconds. Without a bound a flood of
sign-ins would hold every thread of the web server, and share every core with the pages. So hashes
have threads of their own, which yield to everybody else, and whoever would wait too long is told
so at once: `Busy`.
"""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from math import ceil
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")

# Steps of `nice`: with all cores busy a page gets three times the time of a hash. On an idle core
# it costs nothing.
_YIELDING = 5
# The share of the newest hash in what a hash is expected to take.
_NEWEST = 0.2
# Seconds. A page says within 5 whether it worked, and there is more to it than the hash.
_PATIENCE = 3.0
# Until the settings are read.
_SHORT_QUEUE = 4


class Busy(Exception):
    """Too many passwords are being hashed; nothing was done, and trying again later is safe.

    Attributes:
        retry_after: whole seconds until there should be room.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many passwords are waiting, try again in {retry_after} s")
        self.retry_after = retry_after


class HashGate:
    """Lets so many hashes run at once, so many wait, and turns the rest away.

    Args:
        at_once: how many run at the same time.
        queue: how many may wait; each holds the thread of its request.
        patience: seconds that a hash may wait for its turn.
        on_hash: told the seconds that each hash took.
        on_queue: told how many wait, whenever that changes.
        core: what a thread waits for before it hashes, where other processes hash as well.
    """

    def __init__(
        self,
        at_once: int,
        queue: int,
        patience: float,
        on_hash: Callable[[float], object] | None = None,
        on_queue: Callable[[int], object] | None = None,
        core: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.at_once, self.queue, self.patience = at_once, queue, patience
        self.on_hash, self.on_queue, self._core = on_hash, on_queue, core
        # Its threads are made when they are first needed: after a fork of the web server.
        self._threads = ThreadPoolExecutor(at_once, "bcrypt", initializer=_yield_to_pages)
        self._lock = threading.Lock()
        self._inside = 0
        self._expected = 0.0

    def run(self, work: Callable[[], T]) -> T:
        """What `work` returns, or raises, once it has had its turn.

        Raises:
            Busy: the queue is full, or the turn did not come within `patience`.
        """
        self._enter()
        try:
            turn = self._threads.submit(self._timed, work)
            wait((turn,), self.patience)
            # One that is running cannot be cancelled, and ends soon.
            if turn.cancel():
                raise Busy(self._seconds_to_wait())
            return turn.result()
        finally:
            self._leave()

    def check(self) -> None:
        """Raises Busy if `run` would now: said before anything else is done for a request."""
        with self._lock:
            self._check()

    def _check(self) -> None:
        full = self._inside >= self.at_once + self.queue
        if full or self._wait() > self.patience:
            raise Busy(self._seconds_to_wait())

    def _enter(self) -> None:
        with self._lock:
            self._check()
            self._inside += 1
            self._tell_queue()

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            self._tell_queue()

    def _wait(self) -> float:
        """Seconds until the next to enter should have its turn."""
        turns = (self._inside - self.at_once + 1) / self.at_once
        return max(0.0, turns * self._expected)

    def _seconds_to_wait(self) -> int:
        return max(1, ceil(self._wait()))

    def _tell_queue(self) -> None:
        if self.on_queue:
            self.on_queue(max(0, self._inside - self.at_once))

    def _timed(self, work: Callable[[], T]) -> T:
        asked = perf_counter()
        with self._core():
            began = perf_counter()
            try:
                return work()
            finally:
                ended = perf_counter()
                # What a turn takes has the wait for a core in it.
                self._expect(ended - asked)
                if self.on_hash:
                    self.on_hash(ended - began)

    def _expect(self, took: float) -> None:
        with self._lock:
            self._expected += (took - self._expected) * (_NEWEST if self._expected else 1)


def _yield_to_pages() -> None:
    # Only Linux has priorities of threads; elsewhere this would be the whole process.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _nicer())


def _nicer() -> int:
    return min(19, os.getpriority(os.PRIO_PROCESS, 0) + _YIELDING)


gate = HashGate(os.cpu_count() or 1, _SHORT_QUEUE, _PATIENCE)
"""The one of this process, whatever asks for a hash."""


def open_gate(
    at_once: int,
    queue: int,
    on_hash: Callable[[float], object] | None = None,
    on_queue: Callable[[int], object] | None = None,
    core: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> HashGate:
    """Replaces the gate by one of other bounds, as the settings say them, and with listeners."""
    global gate
    gate = HashGate(at_once, queue, _PATIENCE, on_hash, on_queue, core)
    return gate
