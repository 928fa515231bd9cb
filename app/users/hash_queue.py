"""The hash queue: a bound on the passwords that are hashed at once, with a short queue.

A hash costs a fifth of a second of a core, a page a few milliseconds. Without a bound, a flood of
sign-ins would hold every thread of the web server and share every core with the pages. So hashes
have threads of their own with a lower priority, and a request that would wait too long is refused
at once: `HashQueueFull`.
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
# the lower priority costs nothing.
_NICENESS = 5
# The weight of the newest hash in the moving average of the time a hash takes.
_NEWEST = 0.2
# Seconds. A page answers within 5, and it does more than the hash.
_PATIENCE = 3.0
# Until the settings are read.
_SHORT_QUEUE = 4


class HashQueueFull(Exception):
    """Too many passwords are being hashed; nothing was done, and trying again later is safe.

    Attributes:
        retry_after: whole seconds until there should be room.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many passwords are waiting, try again in {retry_after} s")
        self.retry_after = retry_after


class HashQueue:
    """Lets `at_once` hashes run, `queue` more wait, and refuses the rest.

    Args:
        at_once: how many run at the same time.
        queue: how many may wait; each holds the thread of its request.
        patience: seconds that a hash may wait for its turn.
        on_hash: called with the seconds that each hash took.
        on_queue: called with the number that wait, whenever it changes.
        core: what a thread acquires before it hashes, where other processes hash as well.
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
        # The pool starts its threads at the first hash: after the fork of the web server.
        self._threads = ThreadPoolExecutor(at_once, "bcrypt", initializer=_lower_priority)
        self._lock = threading.Lock()
        self._inside = self._hashed = 0
        # Moving averages in seconds: to get a core, and to hash.
        self._for_core, self._hashing = 0.0, 0.0

    def run(self, work: Callable[[], T]) -> T:
        """What `work` returns, or raises, once it has had its turn.

        Raises:
            HashQueueFull: the queue is full, or the turn did not come within `patience`.
        """
        self._enter()
        turn = _Turn(work)
        try:
            answer = self._threads.submit(self._take, turn)
            wait((answer,), self.patience)
            with self._lock:
                # A hash that has begun cannot be stopped, and ends soon.
                if not turn.begun and not answer.done():
                    turn.work = None  # with the password in it
                    raise HashQueueFull(self._seconds_to_wait())
            return answer.result()
        finally:
            self._leave()

    def check(self) -> None:
        """Raises HashQueueFull if `run` would now. Called before anything else of a request is
        done."""
        with self._lock:
            self._check()

    def _check(self) -> None:
        full = self._inside >= self.at_once + self.queue
        # A hash that would be alone always runs: its time brings the average up to date.
        if full or (self._inside and self._wait() > self.patience):
            raise HashQueueFull(self._seconds_to_wait())

    def _enter(self) -> None:
        with self._lock:
            self._check()
            self._inside += 1
            self._report_queue()

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            self._report_queue()

    def _wait(self) -> float:
        """Seconds until the hash of the next to enter should begin."""
        turns = max(0.0, (self._inside - self.at_once + 1) / self.at_once)
        return turns * (self._for_core + self._hashing) + self._for_core

    def _seconds_to_wait(self) -> int:
        return max(1, ceil(self._wait()))

    def _report_queue(self) -> None:
        if self.on_queue:
            self.on_queue(self._inside - self._hashed)

    def _take(self, turn: "_Turn[T]") -> T:
        asked = perf_counter()
        turn.check()
        with self._core():
            began = perf_counter()
            with self._lock:
                self._for_core = _average(self._for_core, began - asked)
                work = turn.check()
                turn.begun = True
                self._hashed += 1
                self._report_queue()
            try:
                return work()
            finally:
                took = perf_counter() - began
                with self._lock:
                    self._hashing = _average(self._hashing, took)
                    self._hashed -= 1
                if self.on_hash:
                    self.on_hash(took)


@dataclass(slots=True)
class _Turn(Generic[T]):
    """One request for a hash. Under the queue's lock it either begins or is given up."""

    work: Callable[[], T] | None
    """None once it is given up."""
    begun: bool = False

    def check(self) -> Callable[[], T]:
        """The work. Raises HashQueueFull when it was given up; the request has been answered."""
        if self.work is None:
            raise HashQueueFull(1)
        return self.work


def _average(expected: float, found: float) -> float:
    return expected + (found - expected) * (_NEWEST if expected else 1)


def _lower_priority() -> None:
    # Only Linux has priorities per thread; elsewhere this would lower the whole process.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _niceness())


def _niceness() -> int:
    return min(19, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)


current = HashQueue(os.cpu_count() or 1, _SHORT_QUEUE)
"""The queue of this process."""


def use(queue: HashQueue) -> HashQueue:
    """Makes this the queue of the process, with the bounds that the settings ask for."""
    global current
    current = queue
    return current
