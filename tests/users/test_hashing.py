"""The gate for hashes: bounds at once, in the queue, in time."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from app.users import hashing
from app.users.hashing import Busy, HashGate
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
def people() -> Iterator[Callable[[Callable[[], object]], Future[object]]]:
    """Runs something as a request would, on a thread of its own."""
    with ThreadPoolExecutor(50) as threads:
        yield threads.submit


Ask = Callable[[Callable[[], object]], Future[object]]


def test_never_more_at_once_than_there_are_places(work: Work, people: Ask) -> None:
    gate = HashGate(at_once=2, queue=20, patience=LONG)
    asked = [people(lambda: gate.run(work)) for _person in range(20)]
    wait_until(lambda: work.running == 2)
    work.go.set()
    assert [turn.result(LONG) for turn in asked] == ["done"] * 20
    assert work.most == 2


def test_past_the_queue_the_answer_is_busy_at_once(work: Work, people: Ask) -> None:
    waiting: list[int] = []
    gate = HashGate(at_once=1, queue=2, patience=LONG, on_queue=waiting.append)
    asked = [people(lambda: gate.run(work)) for _person in range(3)]
    wait_until(lambda: waiting and waiting[-1] == 2)
    for refuse in (gate.check, lambda: gate.run(work)):
        with pytest.raises(Busy) as busy:
            refuse()
        assert busy.value.retry_after >= 1
    work.go.set()
    assert [turn.result(LONG) for turn in asked] == ["done"] * 3
    assert waiting[-1] == 0
    gate.check()


def test_whoever_has_waited_too_long_is_told_and_takes_no_place(work: Work, people: Ask) -> None:
    gate = HashGate(at_once=1, queue=1, patience=0.05)
    first = people(lambda: gate.run(work))
    wait_until(lambda: work.running == 1)
    ran: list[bool] = []
    with pytest.raises(Busy):
        gate.run(lambda: ran.append(True))
    gate.check()
    work.go.set()
    assert first.result(LONG) == "done", "what has begun is finished, however long it takes"
    assert gate.run(lambda: "again") == "again"
    assert ran == [], "what was given up is not done behind anybody's back"


def test_whoever_would_wait_too_long_is_told_at_once(work: Work, people: Ask) -> None:
    gate = HashGate(at_once=1, queue=100, patience=0.5)
    slow = people(lambda: gate.run(lambda: threading.Event().wait(0.6)))
    slow.result(LONG)
    first = people(lambda: gate.run(work))
    wait_until(lambda: work.running == 1)
    with pytest.raises(Busy) as busy:
        gate.check()
    assert busy.value.retry_after == 1
    work.go.set()
    first.result(LONG)
    gate.check()


class Others:
    """Processes that have every core until they let go."""

    def __init__(self) -> None:
        self.gone = threading.Event()

    @contextmanager
    def core(self) -> Iterator[None]:
        assert self.gone.wait(LONG)
        yield


def test_whoever_gets_no_core_in_time_is_told_and_takes_no_place() -> None:
    others, ran = Others(), list[bool]()
    gate = HashGate(at_once=1, queue=0, patience=0.05, core=others.core)
    with pytest.raises(Busy):
        gate.run(lambda: ran.append(True))
    others.gone.set()
    assert gate.run(lambda: "again") == "again"
    assert ran == []


def test_the_wait_for_a_core_counts(work: Work, people: Ask) -> None:
    others = Others()
    gate = HashGate(at_once=2, queue=0, patience=0.1, core=others.core)
    with pytest.raises(Busy):
        gate.run(work)
    threading.Event().wait(1.0)  # so long nobody gets a core
    others.gone.set()
    first = people(lambda: gate.run(work))
    wait_until(lambda: work.running == 1)
    with pytest.raises(Busy):
        gate.check()  # there is a thread for it, but a core took longer than its patience
    work.go.set()
    assert first.result(LONG) == "done", "alone it is let in all the same"


def test_whoever_waits_for_a_core_is_in_the_queue(people: Ask) -> None:
    others, waiting = Others(), list[int]()
    gate = HashGate(1, 0, LONG, on_queue=waiting.append, core=others.core)
    asked = people(lambda: gate.run(lambda: "done"))
    wait_until(lambda: waiting == [1])
    others.gone.set()
    assert asked.result(LONG) == "done"
    assert waiting[1] == 0


def test_cores_that_cannot_be_shared_are_an_error_and_no_queue() -> None:
    @contextmanager
    def broken() -> Iterator[None]:
        raise OSError("no locks on this file system")
        yield

    gate = HashGate(1, 0, LONG, core=broken)
    for _try in range(2):
        with pytest.raises(OSError, match="no locks"):
            gate.run(lambda: "never")


def test_a_hash_that_fails_gives_its_place_back() -> None:
    gate = HashGate(at_once=1, queue=0, patience=LONG)
    for _try in range(3):
        with pytest.raises(ZeroDivisionError):
            gate.run(lambda: 1 // 0)
    assert gate.run(lambda: "fine") == "fine"


def test_the_time_of_each_hash_is_told() -> None:
    took: list[float] = []
    gate = HashGate(at_once=1, queue=0, patience=LONG, on_hash=took.append)
    gate.run(lambda: threading.Event().wait(0.02))
    gate.run(lambda: None)
    assert len(took) == 2
    assert took[0] >= 0.02 > took[1] >= 0


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="priorities of threads: Linux")
def test_hashes_yield_to_pages_and_nothing_else_does() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = priority()
    assert HashGate(1, 0, LONG).run(priority) == min(19, before + 5)
    assert priority() == before


@pytest.fixture
def full_gate(work: Work, people: Ask) -> Iterator[HashGate]:
    """This process's gate while nobody more gets in."""
    former = hashing.gate
    gate = hashing.open_gate(HashGate(at_once=1, queue=0))
    people(lambda: gate.run(work))
    wait_until(lambda: work.running == 1)
    yield gate
    hashing.gate = former


def test_every_hash_and_every_check_goes_through_the_gate(full_gate: HashGate, work: Work) -> None:
    stored = "$2b$04$" + "." * 53
    with pytest.raises(Busy):
        hash_password("correct horse battery staple", 4)
    with pytest.raises(Busy):
        verify_password("correct horse battery staple", stored)
    work.go.set()
    wait_until(lambda: work.running == 0)
    wait_until(lambda: _open(full_gate))
    assert not verify_password("correct horse battery staple", stored)


def _open(gate: HashGate) -> bool:
    try:
        gate.check()
    except Busy:
        return False
    return True
