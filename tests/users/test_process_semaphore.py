"""The semaphore that processes share, with real processes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

from app.users.process_semaphore import ProcessSemaphore
from tests.processes import wait_until

NUMBER = 2
# Takes a permit again and again on three threads, and logs from when to when it had one.
BUSY = """
import sys, threading, time
from pathlib import Path
from app.users.process_semaphore import ProcessSemaphore
semaphore = ProcessSemaphore(Path(sys.argv[1]), int(sys.argv[2]))
with open(sys.argv[3], "a", buffering=1) as log:
    def work():
        for _ in range(15):
            with semaphore.acquire():
                began = time.monotonic()
                time.sleep(0.01)
                log.write(f"{began} {time.monotonic()}\\n")
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""
# Takes every permit, and keeps them until it is killed.
GREEDY = """
import sys, time
from pathlib import Path
from app.users.process_semaphore import ProcessSemaphore
semaphore = ProcessSemaphore(Path(sys.argv[1]), int(sys.argv[2]))
held = [semaphore.acquire() for _ in range(int(sys.argv[2]))]
for permit in held: permit.__enter__()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the locks are."""
    folder = tmp_path / "permits"
    folder.mkdir()
    return folder


@pytest.fixture
def greedy(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that has them all."""
    command = [sys.executable, "-c", GREEDY, str(folder), str(NUMBER)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_processes_use_all_of_them_and_never_more(folder: Path, tmp_path: Path) -> None:
    logs = [tmp_path / f"log-{number}" for number in range(3)]
    with ExitStack() as processes:
        for log in logs:
            command = [sys.executable, "-c", BUSY, str(folder), str(NUMBER), str(log)]
            processes.enter_context(subprocess.Popen(command))
    held = [line.split() for log in logs for line in log.read_text().splitlines()]
    assert len(held) == 3 * 3 * 15
    changes = [(float(began), 1) for began, _ in held] + [(float(ended), -1) for _, ended in held]
    at_once, most = 0, 0
    for _moment, change in sorted(changes):
        at_once += change
        most = max(most, at_once)
    assert most == NUMBER


def test_one_process_alone_has_them_all(folder: Path) -> None:
    semaphore = ProcessSemaphore(folder, NUMBER)
    with semaphore.acquire(), semaphore.acquire():
        pass


def test_what_a_killed_process_had_is_free(folder: Path, greedy: "subprocess.Popen[str]") -> None:
    semaphore, got = ProcessSemaphore(folder, NUMBER), list[str]()

    def take() -> None:
        with semaphore.acquire():
            got.append("a permit")

    waiting = Thread(target=take)
    waiting.start()
    waiting.join(0.1)
    assert not got
    greedy.kill()
    wait_until(lambda: got == ["a permit"])
    waiting.join()


def test_it_is_given_back_when_the_work_fails(folder: Path) -> None:
    semaphore = ProcessSemaphore(folder, 1)
    for _try in range(3):
        with pytest.raises(ValueError, match="hash"), semaphore.acquire():
            raise ValueError("hash")
