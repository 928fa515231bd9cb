"""The processes: how soon they answer, and how much memory they use."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from app.users.clock import utcnow
from bench.load import drive
from bench.measure import Pairs, Spread, alternate
from bench.report import Goal, Row
from bench.rows.mail import deliver
from bench.rows.pages import Side, page
from bench.servers import FLOOR, OURS, PEER, Web
from bench.sides import Ours, Sides
from bench.stage import Stage

_MIB = 2**20
_LETTERS = 10


def starting(stage: Stage, sides: Sides) -> Iterator[Row]:
    """From the start of gunicorn to the first page."""

    def start(app: str, env: dict[str, str]) -> Callable[[], float]:
        def measure() -> float:
            began = time.monotonic()
            with Web(app, env, stage.log(), 1) as web:
                return web.wait_for_answer() - began

        return measure

    pairs = alternate(
        start(FLOOR, sides.floor.settings),
        start(OURS, sides.ours.settings),
        stage.effort.rounds,
        peers=[start(PEER, peer.settings()) for peer in sides.peers],
    )
    goal = Goal(at_most=0.5)
    cells = f"{pairs.floor.median:.2f} s", f"{pairs.ours.median:.2f} s"
    yield Row("start to first answer", *cells, pairs.ours, "s", goal, pairs.shares, "x")


def memory(stage: Stage, sides: Sides) -> Iterator[Row]:
    """The proportional set size (PSS) of each process after some work."""
    ours, floor = sides.ours, sides.floor
    (user_id,), (person,) = floor.people(1), ours.people(1, confirmed=True)
    used: list[Side] = [
        (floor.many, page("/", [floor.cookie(user_id)])),
        (ours.many, page("/", [ours.cookie(person)])),
    ]
    for peer in sides.peers:
        (reader,) = peer.people(1, confirmed=True)
        used.append((peer.many, page("/", [reader.cookie])))
    for web, crowd in used:
        drive(web.port, stage.effort.page_seconds, crowd)
    bare, mine, *peers = (_shares(web.pids) for web, _ in used)
    medians = (Spread((each.median,)) for each in (bare, mine, *peers))
    first, second, *others = medians
    shares = Pairs(first, second, tuple(others)).shares
    row = _row("gunicorn, each process", bare, mine)
    yield replace(row, shares=shares, share_unit="x")
    yield _row("mail worker", None, _worker(stage, ours))


def _worker(stage: Stage, ours: Ours) -> Spread:
    with ExitStack() as running:
        sink = running.enter_context(stage.mail_server(0.0))
        ours.owe_nothing()
        ours.people(_LETTERS, confirmed=False, letter_due_on=utcnow())
        (worker,) = running.enter_context(deliver(stage, ours, sink))
        sink.take(_LETTERS)
        return _shares([worker.popen.pid])


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
