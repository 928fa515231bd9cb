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
from dataclasses import dataclass
from math import ceil
from time import perf_counter
from typing import Generic, TypeVar

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
        patience: float = _PATIENCE,
        on_hash: Callable[[float], object] | None = None,
        on_queue: Callable[[int], object] | None = None,
        core: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.at_once, self.queue, self.patience = at_once, queue, patience
        self.on_hash, self.on_queue, self._core = on_hash, on_queue, core
        # Its threads are made when they are first needed: after a fork of the web server.
        self._threads = ThreadPoolExecutor(at_once, "bcrypt", initializer=_yield_to_pages)
        self._lock = threading.Lock()
        self._inside = self._hashed = 0
        # What the newest took, in seconds: to get a core, and to hash.
        self._for_core, self._hashing = 0.0, 0.0

    def run(self, work: Callable[[], T]) -> T:
        """What `work` returns, or raises, once it has had its turn.

        Raises:
            Busy: the queue is full, or the turn did not come within `patience`.
        """
        self._enter()
        turn = _Turn(work)
        try:
            answer = self._threads.submit(self._take, turn)
            wait((answer,), self.patience)
            with self._lock:
                # What has begun cannot be stopped, and ends soon.
                if not turn.begun and not answer.done():
                    turn.work = None  # with the password in it
                    raise Busy(self._seconds_to_wait())
            return answer.result()
        finally:
            self._leave()

    def check(self) -> None:
        """Raises Busy if `run` would now: said before anything else is done for a request."""
        with self._lock:
            self._check()

    def _check(self) -> None:
        full = self._inside >= self.at_once + self.queue
        # Whoever is alone is let in, whatever was so before: it is how that is found out.
        if full or (self._inside and self._wait() > self.patience):
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
        """Seconds until the hash of the next to enter should begin."""
        turns = max(0.0, (self._inside - self.at_once + 1) / self.at_once)
        return turns * (self._for_core + self._hashing) + self._for_core

    def _seconds_to_wait(self) -> int:
        return max(1, ceil(self._wait()))

    def _tell_queue(self) -> None:
        if self.on_queue:
            self.on_queue(self._inside - self._hashed)

    def _take(self, turn: "_Turn[T]") -> T:
        asked = perf_counter()
        turn.check()
        with self._core():
            began = perf_counter()
            with self._lock:
                self._for_core = _newer(self._for_core, began - asked)
                work = turn.check()
                turn.begun = True
                self._hashed += 1
                self._tell_queue()
            try:
                return work()
            finally:
                took = perf_counter() - began
                with self._lock:
                    self._hashing = _newer(self._hashing, took)
                    self._hashed -= 1
                if self.on_hash:
                    self.on_hash(took)


@dataclass(slots=True)
class _Turn(Generic[T]):
    """Whoever asks and whoever hashes decide under the gate's lock: it begins, or is given up."""

    work: Callable[[], T] | None
    """None once it is given up."""
    begun: bool = False

    def check(self) -> Callable[[], T]:
        """The work, if it is still wanted; else Busy, to nobody: whoever it was has been told."""
        if self.work is None:
            raise Busy(1)
        return self.work


def _newer(expected: float, found: float) -> float:
    return expected + (found - expected) * (_NEWEST if expected else 1)


def _yield_to_pages() -> None:
    # Only Linux has priorities of threads; elsewhere this would be the whole process.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _nicer())


def _nicer() -> int:
    return min(19, os.getpriority(os.PRIO_PROCESS, 0) + _YIELDING)


gate = HashGate(os.cpu_count() or 1, _SHORT_QUEUE)
"""The one of this process, whatever asks for a hash."""


def open_gate(new: HashGate) -> HashGate:
    """Puts another in its place, with the bounds that the settings say, and with listeners."""
    global gate
    gate = new
    return gate
