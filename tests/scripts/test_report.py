"""`scripts/report.py`, as operators run it."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.collection import Collection

from tests.scripts.conftest import Run
from tests.users.funnel import made

FIRST, LAST = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
SPAN = ("--from", "2026-01-05", "--to", "2026-03-01")


@pytest.fixture
def accounts(run: Run, users: Collection[dict[str, Any]]) -> list[made.Made]:
    """Eight weeks of people; none is about to be deleted by MongoDB meanwhile."""
    assert run("create_indexes").returncode == 0
    ever = datetime.now(UTC) + timedelta(days=1)
    people = [one for one in made.make(300, FIRST, LAST, LAST) if one.fate != "overdue"]
    found, departed = made.documents(people, LAST)
    for user in found:
        if "expires_on" in user:
            user["expires_on"] = ever
    for note in departed:
        if note["gone_on"] > LAST:
            note["gone_on"] = ever
    users.insert_many(found)
    users.database["departed"].insert_many(departed)
    return people


def test_it_prints_a_table(run: Run, accounts: list[made.Made]) -> None:
    done = run("report", *SPAN, "--by", "month")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert "Registered from 2026-01-05 to 2026-03-01 (UTC)" in done.stdout
    totals = next(line for line in lines if line[:1] == ["all"])
    there = [one for one in accounts if FIRST <= one.registered_on < LAST]
    assert totals[1:3] == [str(len(there)), str(sum(one.confirmed for one in there))]
    assert [line[0] for line in lines if line[:1] and line[0].startswith("2026-0")] == [
        *("2026-01", "2026-02", "2026-03")
    ]
    assert len([line for line in lines if line[:1] and line[0].startswith("2026-W")]) == 8


def test_it_prints_json_with_the_same_numbers_as_plain_python(
    run: Run, accounts: list[made.Made]
) -> None:
    done = run("report", *SPAN, "--by", "week", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    there = [one for one in accounts if FIRST <= one.registered_on < LAST]
    assert said["total"] == pytest.approx(made.line(there))
    assert [said["from"], said["to"], said["by"]] == ["2026-01-05", "2026-03-01", "week"]
    assert [cohort["week"] for cohort in said["cohorts"]][:2] == ["2026-01-05", "2026-01-12"]
    assert said["confirmed_after_seconds"][-1] == {
        "seconds": 604800,
        "confirmed": made.within(there, timedelta(days=7)),
    }


def test_it_prints_csv(run: Run, accounts: list[made.Made]) -> None:
    done = run("report", *SPAN, "--by", "week", "--csv")
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [line["week"] for line in lines] == [f"2026-W{n:02}" for n in range(2, 10)]
    there = [one for one in accounts if FIRST <= one.registered_on < LAST]
    assert sum(int(line["registered"]) for line in lines) == len(there)


def test_without_accounts_it_prints_noughts(run: Run) -> None:
    done = run("report")
    assert (done.returncode, done.stderr) == (0, "")
    assert "all" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "yesterday"), "Write a day as year, month and day"),
        (("--by", "hour"), "Choose day, week or month"),
        (("--from", "2026-03-01", "--to", "2026-02-01"), "The first day is after the last one"),
        (("--json", "--csv"), "not allowed with"),
        (("--unknown",), "unrecognized"),
    ],
)
def test_bad_arguments_are_refused(run: Run, arguments: tuple[str, ...], words: str) -> None:
    done = run("report", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_it_says_that_mongodb_is_away(run: Run) -> None:
    done = run("report", MONGODB_URI="mongodb://127.0.0.1:1/latchkey?serverSelectionTimeoutMS=300")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("MongoDB: ")
    assert "Traceback" not in done.stderr
