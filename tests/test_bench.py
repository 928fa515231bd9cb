"""The benchmark runs, and its counts are as promised. Its times are not a promise."""

import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.measure import Pairs, alternate
from bench.report import Goal, Row, peer_table, table
from bench.rows.scale import Cost, Crowded, costs
from scripts.mongod import Mongod
from tests.users.conftest import opened

ROOT = Path(__file__).resolve().parents[1]
FEW, MANY = 50, 5_000


@pytest.fixture
def names() -> Iterator[str]:
    """Local parts of addresses."""
    return (f"person{number}" for number in itertools.count())


def counted(mongod: Mongod, names: Iterator[str], number: int) -> dict[str, Cost]:
    """What each step costs among so many accounts, as the server says."""
    database = f"bench_{number}"
    with opened(mongod.uri(database)) as users:
        try:
            return costs(users, Crowded(users, names, number, steps=1).steps())
        finally:
            users.database.client.drop_database(database)


def test_no_step_reads_more_among_many_accounts_than_among_few(
    mongod: Mongod, names: Iterator[str]
) -> None:
    few, many = counted(mongod, names, FEW), counted(mongod, names, MANY)
    assert few == many
    for step, cost in few.items():
        # One command, one key, one document; a letter is leased and settled.
        most = 2 if "lease" in step else 1
        assert cost.commands == most, step
        assert cost.keys <= most, step
        assert cost.documents <= most, step


@pytest.mark.usefixtures("mongod")
def test_it_measures_served_pages_and_prints_a_table() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--only", "commands", "form"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    lines = [line for line in answer.stdout.splitlines() if line.startswith("| ")]
    found = {cells[1].strip(): cells[-2].strip() for cells in (line.split("|") for line in lines)}
    assert "form page, anonymous" in found
    counts = {name: reached for name, reached in found.items() if "commands" in name}
    assert len(counts) == 5
    assert {name for name, reached in counts.items() if reached != "yes"} == set()


def test_sides_take_turns_and_the_first_round_of_each_does_not_count() -> None:
    turns: list[str] = []

    def side(name: str, value: float) -> float:
        turns.append(name)
        return value * len(turns)

    pairs = alternate(lambda: side("floor", 1), lambda: side("ours", 1), 2)
    assert turns == ["floor", "ours", "floor", "ours", "ours", "floor"]
    assert pairs.floor.values == (3, 6)
    assert pairs.ours.values == (4, 5)
    assert pairs.shares == ()


def test_a_peer_takes_turns_too_and_has_its_share_of_the_floor() -> None:
    values = iter([10, 7, 2, 3, 8, 10])
    turns = [lambda: next(values)] * 3
    pairs = alternate(turns[0], turns[1], 2, peers=[turns[2]], warm_up=False)
    assert [share.values for share in pairs.shares] == [(0.7, 0.8), (0.2, 0.3)]
    row = Row("page", "10/s", "8/s", pairs.ratio, "%", Goal(), pairs.shares)
    assert row.share_cells() == ("page", "10/s", "75% (70% to 80%)", "25% (20% to 30%)")
    assert "25%" in peer_table([row], ["the peer"])


def test_the_peer_compiles_and_its_requirements_are_pinned() -> None:
    folder = ROOT / "bench" / "peer"
    for path in folder.glob("*.py"):
        compile(path.read_text(), path, "exec")
    pinned = re.compile(r"[\w-]+==[\w.]+ (; .+ )?\\\n    --hash=sha256:")
    text = (folder / "requirements.txt").read_text()
    names = re.findall(r"^\w.*", text, re.MULTILINE)
    assert len(pinned.findall(text)) == len(names) > 20
    assert "flask-security==" in text


def test_a_row_says_the_median_its_spread_and_whether_the_figure_is_reached() -> None:
    pairs = Pairs.of([10, 10, 10], [7, 9, 8])
    row = Row("page", "10/s", "8/s", pairs.ratio, "%", Goal(at_least=0.8))
    assert row.cells() == ("page", "10/s", "8/s", "80%", "70% to 90%", "≥ 80%", "yes")
    missed = Row("start", "", "0.9 s", Pairs.of([1], [0.9]).ours, "s", Goal(at_most=0.8))
    assert missed.cells()[-2:] == ("≤ 0.80 s", "**no**")
    assert len({len(line) for line in table([row, missed]).splitlines()}) == 1
