"""The processes: how soon they answer, and what memory they hold."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from app.users.clock import utcnow
from bench.load import drive
from bench.measure import Spread, alternate
from bench.report import Goal, Row
from bench.rows.mail import Sink, deliver
from bench.rows.pages import page
from bench.servers import FLOOR, OURS, Web
from bench.sides import Floor, Ours
from bench.stage import Stage

_MIB = 2**20
_LETTERS = 10


def starting(stage: Stage, ours: Ours, floor: Floor) -> Iterator[Row]:
    """From `gunicorn` to the first page."""

    def start(app: str, env: dict[str, str]) -> float:
        began = time.monotonic()
        with Web(app, env, stage.log(), 1) as web:
            return web.wait_for_answer() - began

    pairs = alternate(
        lambda: start(FLOOR, floor.settings),
        lambda: start(OURS, ours.settings),
        min(stage.effort.rounds, 5),
    )
    goal = Goal(at_most=0.8)
    cells = f"{pairs.floor.median:.2f} s", f"{pairs.ours.median:.2f} s"
    yield Row("start to first answer", *cells, pairs.ours, "s", goal)


def memory(stage: Stage, ours: Ours, floor: Floor) -> Iterator[Row]:
    """Of each process after some work: its share (PSS), of what several share a part each."""
    reader = page("/", [ours.cookie(*ours.people(1, confirmed=True))])
    bare = page("/", [floor.cookie(*floor.people(1))])
    for web, crowd in ((ours.many, reader), (floor.many, bare)):
        drive(web.port, stage.effort.page_seconds, crowd)
    yield _row("gunicorn, each process", _shares(floor.many.pids), _shares(ours.many.pids))
    with ExitStack() as stack:
        sink = stack.enter_context(Sink(stage, 0.0))
        ours.owe_nothing()
        ours.people(_LETTERS, confirmed=False, letter_due_on=utcnow())
        (worker,) = stack.enter_context(deliver(stage, ours, sink))
        sink.take(_LETTERS)
        yield _row("mail worker", None, _shares([worker.popen.pid]))


def _row(name: str, floor: Spread | None, ours: Spread) -> Row:
    cell = f"{floor.median:.0f} MiB" if floor else ""
    goal = Goal(at_most=75)
    return Row(f"memory, {name}", cell, f"{ours.median:.0f} MiB", ours, "MiB", goal)


def _shares(pids: list[int]) -> Spread:
    return Spread(tuple(_share(pid) for pid in pids))


def _share(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("Pss:"))
    return int(line.split()[1]) * 1024 / _MIB
