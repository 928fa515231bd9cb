"""scripts/report.py prints the figures on confirmations."""

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
    """Accounts of eight weeks. MongoDB deletes none of them during the test."""
    assert run("create_indexes").returncode == 0
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    people = [one for one in made.make(300, FIRST, LAST, LAST) if one.fate != "overdue"]
    found, departed = made.documents(people, LAST)
    for user in found:
        if "expires_on" in user:
            user["expires_on"] = tomorrow
    for record in departed:
        if record["gone_on"] > LAST:
            record["gone_on"] = tomorrow
    users.insert_many(found)
    users.database["departed"].insert_many(departed)
    return people


def test_the_report_is_a_table(run: Run, accounts: list[made.Made]) -> None:
    done = run("report", *SPAN, "--by", "month")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert "Registered from 2026-01-05 to 2026-03-01 (UTC)" in done.stdout
    totals = next(line for line in lines if line[:1] == ["all"])
    counted = [one for one in accounts if FIRST <= one.registered_on < LAST]
    assert totals[1:3] == [str(len(counted)), str(sum(one.confirmed for one in counted))]
    assert [line[0] for line in lines if line[:1] and line[0].startswith("2026-0")] == [
        *("2026-01", "2026-02", "2026-03")
    ]
    assert len([line for line in lines if line[:1] and line[0].startswith("2026-W")]) == 8


def test_the_json_has_the_numbers_that_plain_python_computes(
    run: Run, accounts: list[made.Made]
) -> None:
    done = run("report", *SPAN, "--by", "week", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    printed = json.loads(done.stdout)
    counted = [one for one in accounts if FIRST <= one.registered_on < LAST]
    assert printed["total"] == pytest.approx(made.line(counted))
    assert [printed["from"], printed["to"], printed["by"]] == ["2026-01-05", "2026-03-01", "week"]
    assert [cohort["week"] for cohort in printed["cohorts"]][:2] == ["2026-01-05", "2026-01-12"]
    assert printed["confirmed_after_seconds"][-1] == {
        "seconds": 604800,
        "confirmed": made.within(counted, timedelta(days=7)),
    }


def test_the_csv_has_a_line_per_week(run: Run, accounts: list[made.Made]) -> None:
    done = run("report", *SPAN, "--by", "week", "--csv")
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [line["week"] for line in lines] == [f"2026-W{n:02}" for n in range(2, 10)]
    counted = [one for one in accounts if FIRST <= one.registered_on < LAST]
    assert sum(int(line["registered"]) for line in lines) == len(counted)


def test_without_accounts_the_report_is_printed_too(run: Run) -> None:
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
def test_invalid_arguments_are_refused(run: Run, arguments: tuple[str, ...], words: str) -> None:
    done = run("report", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_an_error_of_mongodb_is_one_line(run: Run, real_uri: str) -> None:
    """The server refuses the command at once. An unreachable server would take 20 seconds."""
    done = run("report", MONGODB_URI=f"{real_uri}&readConcernLevel=unknown")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("MongoDB: ")
    assert done.stderr.count("\n") == 1
