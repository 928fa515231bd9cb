"""`/metrics` adds up the numbers of all gunicorn workers. No counter goes down."""

import os
import re
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict

from tests.observability.test_metrics import samples
from tests.processes import runs, wait_until
from tests.test_gunicorn import Gunicorn

TOKEN = "a-token-of-the-tests"
LIVE = 'latchkey_requests_total{method="GET",route="/health/live",status="200"}'
TIMED = 'latchkey_request_seconds_count{route="/health/live"}'


class Workers(Gunicorn):
    """A gunicorn with two workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            folder / "log",
            APP_SETTINGS="config.TestingConfig",
            WEB_CONCURRENCY="2",
            METRICS_TOKEN=TOKEN,
            PROMETHEUS_MULTIPROC_DIR=str(folder),
        )
        wait_until(lambda: len(self.pids()) == 2)

    def pids(self) -> list[int]:
        """The ids of the running workers."""
        booted = re.findall(r"Booting worker with pid: (\d+)", self.output)
        return [int(pid) for pid in booted if runs(int(pid))]

    def numbers(self) -> dict[str, float]:
        """The samples of `/metrics`."""
        status, _, text = self.read("/metrics", Authorization=f"Bearer {TOKEN}")
        assert status == 200
        return samples(text)

    def files(self) -> list[Path]:
        """The files in which the workers count."""
        return sorted(self.folder.glob("latchkey-metrics-*/counter_*.db"))

    def send(self, count: int) -> None:
        """Sends requests over separate connections, so that any worker may accept each one."""
        for _ in range(count):
            assert self.get("/health/live")[0] == 200


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    server = Workers(tmp_path)
    yield server
    server.process.terminate()
    assert server.process.wait(30) == 0
    assert not list(tmp_path.glob("latchkey-metrics-*")), "gunicorn left files behind"


def _counted(file: Path) -> float:
    """How many of the requests a worker has counted."""
    entries = MmapedDict.read_all_values_from_file(str(file))  # type: ignore[no-untyped-call]
    return sum(float(value) for key, value, *_ in entries if "/health/live" in key)


def test_every_worker_shows_the_total_of_all(workers: Workers) -> None:
    sent = 0
    # The kernel chooses the worker of a connection. Both workers must have answered requests.
    while len(workers.files()) < 2 or not all(map(_counted, workers.files())):
        workers.send(50)
        sent += 50
        assert sent <= 2000, "one worker answers everything"
    for _ in range(10):
        assert workers.numbers()[LIVE] == sent
    assert sum(map(_counted, workers.files())) == sent
    assert workers.numbers()[TIMED] == sent
    assert workers.get("/metrics")[0] == 404


def _replaced(workers: Workers, gone: int) -> bool:
    return gone not in workers.pids() and len(workers.pids()) == 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_total_keeps_the_numbers_of_replaced_workers(
    workers: Workers, how: signal.Signals
) -> None:
    sent = 0
    for _ in range(3):
        workers.send(30)
        sent += 30
        assert workers.numbers()[LIVE] == sent
        gone = workers.pids()[0]
        os.kill(gone, how)
        wait_until(partial(_replaced, workers, gone))
    workers.send(10)
    assert workers.numbers()[LIVE] == sent + 10


def test_a_reload_keeps_the_numbers(workers: Workers) -> None:
    workers.send(20)
    before = workers.pids()
    workers.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(workers.pids()) == 2 and not set(before) & set(workers.pids()))
    workers.send(5)
    assert workers.numbers()[LIVE] == 25


def test_a_start_removes_the_files_of_a_killed_gunicorn_only(tmp_path: Path) -> None:
    killed = Workers(tmp_path)
    (left,) = tmp_path.glob("latchkey-metrics-*")
    pids = killed.pids()
    killed.process.kill()
    killed.process.wait()
    wait_until(lambda: not any(map(runs, pids)))
    of_a_running_process = tmp_path / f"latchkey-metrics-{os.getpid()}"
    of_a_running_process.mkdir()
    server = Workers(tmp_path)
    assert not left.exists()
    assert of_a_running_process.exists()
    server.process.terminate()
    assert server.process.wait(30) == 0


def test_the_messages_of_gunicorn_are_json(workers: Workers) -> None:
    (line,) = [line for line in workers.output.splitlines() if "Listening at" in line]
    assert re.search(r'"logger": "gunicorn.error"', line)
