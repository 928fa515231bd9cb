"""The queue for hashes: bounds at once, in the queue, in time."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from app.users import hash_queue
from app.users.hash_queue import HashQueue, HashQueueFull
from app.users.passwords import hash_password, verify_password
from tests.processes import wait_until

LONG = 30.0


class Work:
    """A hash that takes until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.go.wait(LONG)
        with self._lock:
            self.running -= 1
        return "done"


@pytest.fixture
def work() -> Iterator[Work]:
    """Let go at the end at the latest, or its threads would outlive the test."""
    work = Work()
    yield work
    work.go.set()


@pytest.fixture
def ask() -> Iterator[Callable[[Callable[[], object]], Future[object]]]:
    """Runs something as a request would, on a thread of its own."""
    with ThreadPoolExecutor(50) as threads:
        yield threads.submit


Ask = Callable[[Callable[[], object]], Future[object]]


def test_never_more_at_once_than_there_are_places(work: Work, ask: Ask) -> None:
    hashes = HashQueue(at_once=2, queue=20, patience=LONG)
    asked = [ask(lambda: hashes.run(work)) for _request in range(20)]
    wait_until(lambda: work.running == 2)
    work.go.set()
    assert [turn.result(LONG) for turn in asked] == ["done"] * 20
    assert work.most == 2


def test_past_the_queue_a_request_is_refused_at_once(work: Work, ask: Ask) -> None:
    hashes = HashQueue(at_once=1, queue=2, patience=LONG)
    asked = [ask(lambda: hashes.run(work)) for _request in range(3)]
    wait_until(lambda: not _open(hashes))
    with pytest.raises(HashQueueFull):
        hashes.run(work)
    work.go.set()
    assert [turn.result(LONG) for turn in asked] == ["done"] * 3
    hashes.check()


def test_a_request_that_has_waited_too_long_is_refused_and_takes_no_place(
    work: Work, ask: Ask
) -> None:
    hashes = HashQueue(at_once=1, queue=1, patience=0.05)
    first = ask(lambda: hashes.run(work))
    wait_until(lambda: work.running == 1)
    ran: list[bool] = []
    with pytest.raises(HashQueueFull):
        hashes.run(lambda: ran.append(True))
    hashes.check()
    work.go.set()
    assert first.result(LONG) == "done", "what has begun is finished, however long it takes"
    assert hashes.run(lambda: "again") == "again"
    assert ran == [], "what was given up is not done later"


def test_a_hash_that_fails_gives_its_place_back() -> None:
    hashes = HashQueue(at_once=1, queue=0, patience=LONG)
    for _try in range(3):
        with pytest.raises(ZeroDivisionError):
            hashes.run(lambda: 1 // 0)
    assert hashes.run(lambda: "fine") == "fine"


def test_the_time_of_each_hash_is_reported() -> None:
    took: list[float] = []
    hashes = HashQueue(at_once=1, queue=0, patience=LONG, on_hash=took.append)
    hashes.run(lambda: threading.Event().wait(0.02))
    hashes.run(lambda: None)
    assert len(took) == 2
    assert took[0] >= 0.02 > took[1] >= 0


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="priorities of threads: Linux")
def test_hashes_yield_to_pages_and_nothing_else_does() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = priority()
    assert HashQueue(1, 0, LONG).run(priority) == min(19, before + 5)
    assert priority() == before


@pytest.fixture
def full_queue(work: Work, ask: Ask) -> Iterator[HashQueue]:
    """This process's queue while it is full."""
    former = hash_queue.current
    hashes = hash_queue.use(HashQueue(at_once=1, queue=0))
    ask(lambda: hashes.run(work))
    wait_until(lambda: work.running == 1)
    yield hashes
    hash_queue.current = former


def test_every_hash_and_every_check_goes_through_the_queue(
    full_queue: HashQueue, work: Work
) -> None:
    stored = "$2b$04$" + "." * 53
    with pytest.raises(HashQueueFull):
        hash_password("correct horse battery staple", 4)
    with pytest.raises(HashQueueFull):
        verify_password("correct horse battery staple", stored)
    work.go.set()
    wait_until(lambda: work.running == 0)
    wait_until(lambda: _open(full_queue))
    assert not verify_password("correct horse battery staple", stored)


def _open(hashes: HashQueue) -> bool:
    try:
        hashes.check()
    except HashQueueFull:
        return False
    return True
