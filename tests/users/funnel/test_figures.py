"""The figures of the funnel equal those of plain Python, on mongomock and on MongoDB."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pymongo
import pytest
from pymongo.database import Database

from app.users.funnel.date_range import By, DateRange
from app.users.funnel.export import line_values
from app.users.funnel.figures import Figures, figures
from scripts.mongod import Mongod
from tests.commands import commands
from tests.users.conftest import Users, opened
from tests.users.funnel import made
from tests.users.funnel.made import Made

# The range has two ends of a year, the first of which is in the middle of a week. It is in the
# future, so that the TTL monitor of a real mongod deletes nothing.
NOW = datetime(2103, 1, 3, 12, tzinfo=UTC)
FIRST, LAST = date(2101, 12, 20), date(2103, 1, 3)
DAY = timedelta(days=1)


def database_with(collection: Users, accounts: list[Made]) -> Database[dict[str, Any]]:
    database = collection.database
    users, records = made.documents(accounts, NOW)
    with pymongo.timeout(60):
        for name, documents in {"users": users, "departed": records}.items():
            database[name].delete_many({})
            if documents:
                database[name].insert_many(documents, ordered=False)
    return database


@pytest.fixture(scope="module")
def few() -> list[Made]:
    return some(300)


def some(number: int) -> list[Made]:
    """Accounts of the range, and some before it."""
    first = datetime.combine(FIRST, datetime.min.time(), UTC)
    return made.make(number, first - 2 * DAY, NOW, NOW)


def in_range(accounts: list[Made], dates: DateRange) -> list[Made]:
    return [account for account in accounts if dates.since <= account.registered_on < dates.until]


def check(found: Figures, accounts: list[Made]) -> None:
    """Compares every figure with the plain calculation."""
    dates = found.dates
    expected = {start: made.line(group) for start, group in made.periods(accounts, dates.by)}
    computed = {line.start: line_values(line) for line in found.lines if line.registered}
    assert computed.keys() == expected.keys()
    for start, values in expected.items():
        assert computed[start] == values, start
    assert line_values(found.total) == made.line(accounts)
    weeks = {
        start: {name: made.within(group, limit) for name, limit in made.WITHIN.items()}
        for start, group in made.periods(accounts, "week")
    }
    assert {c.start: c.confirmed for c in found.cohorts if c.registered} == weeks
    for seconds, count in found.curve:
        assert count == made.within(accounts, timedelta(seconds=seconds)), seconds
    assert {times: tuple(rest) for times, *rest in found.resent} == made.resent(accounts)


@pytest.mark.parametrize("by", By)
@pytest.mark.parametrize(
    ("first", "last"),
    [(FIRST, LAST), (date(2101, 12, 30), date(2102, 1, 2)), (date(2102, 2, 28), date(2102, 2, 28))],
)
def test_the_figures_equal_the_plain_calculation(
    collection: Users, few: list[Made], by: By, first: date, last: date
) -> None:
    if (last - first).days > 300 and by is By.DAY:
        first = date(2102, 6, 1)
    database, dates = database_with(collection, few), DateRange(first, last, by)
    accounts = in_range(few, dates)
    assert accounts, "the test has accounts"
    check(figures(database, dates, NOW), accounts)


def test_accounts_with_a_second_factor_are_counted_once(collection: Users, few: list[Made]) -> None:
    database, dates = database_with(collection, few), DateRange(FIRST, LAST, By.MONTH)
    in_time = {"registered_on": {"$gte": dates.since, "$lt": dates.until}}
    stored = list(database["users"].find(in_time))
    has_app = {account["_id"] for account in stored if "totp" in account}
    has_passkey = {account["_id"] for account in stored if account.get("passkeys")}
    assert has_app & has_passkey
    assert has_passkey - has_app
    assert figures(database, dates, NOW).guarded == len(has_app | has_passkey)


@pytest.fixture(scope="module")
def many(mongod: Mongod) -> Iterator[tuple[Database[dict[str, Any]], list[Made]]]:
    """A real database with 20,000 accounts."""
    accounts = some(20_000)
    with opened(mongod.uri("funnel")) as users:
        yield database_with(users, accounts), accounts
        users.database.client.drop_database("funnel")


@pytest.mark.parametrize("by", By)
def test_the_figures_of_20_000_accounts_are_exact(
    many: tuple[Database[dict[str, Any]], list[Made]], by: By
) -> None:
    database, accounts = many
    dates = DateRange(FIRST, LAST, by)
    accounts = in_range(accounts, dates)
    assert {account.fate for account in accounts} == {
        *("there", "overdue", "expired", "disowned", "started_over", "deleted")
    }
    check(figures(database, dates, NOW), accounts)


def test_without_accounts_every_count_is_zero(collection: Users) -> None:
    found = figures(database_with(collection, []), DateRange(FIRST, LAST, By.MONTH), NOW)
    assert len(found.lines) == 14
    assert {line.registered for line in [found.total, *found.lines]} == {0}
    assert (found.total.share, found.total.median, found.total.p90) == (None, None, None)
    assert {count for _seconds, count in found.curve} == {0}
    assert found.resent == [(0, 0, 0)]


@pytest.mark.parametrize(
    ("week", "open_names"),
    [
        (date(2102, 12, 18), set()),
        (date(2102, 12, 25), {"a week"}),
        (date(2103, 1, 1), {"10 minutes", "an hour", "a day", "a week"}),
    ],
)
def test_a_cohort_names_the_numbers_that_may_still_grow(
    collection: Users, week: date, open_names: set[str]
) -> None:
    found = figures(database_with(collection, []), DateRange(FIRST, LAST, By.WEEK), NOW)
    assert {c.start: c.open for c in found.cohorts}[week] == open_names


# Query plans: indexes answer all counts


@pytest.mark.parametrize("by", By)
def test_counting_reads_indexes_and_no_accounts(
    many: tuple[Database[dict[str, Any]], list[Made]], by: By
) -> None:
    database, _accounts = many
    with commands.recorded() as sent:
        figures(database, DateRange(FIRST, LAST, by), NOW)
    read = {}
    for command in (command for command in sent if "aggregate" in command):
        query = {name: command[name] for name in ("aggregate", "pipeline", "cursor")}
        explained = database.command("explain", query, verbosity="executionStats")
        examined = sum(found for found in _all(explained, "totalDocsExamined"))
        used = set(_all(explained, "indexName"))
        read[(command["aggregate"], *sorted(used))] = examined
    # The lookup of the few expired accounts reads their documents.
    read.pop(("users", "_id_", "expire_unconfirmed"))
    assert len(read) == 7
    assert set(read.values()) == {0}
    assert {index for _collection, *indexes in read for index in indexes} <= {
        *("funnel", "newest_by_state"),  # both can count the unconfirmed accounts
        *("funnel_departed", "refused", "funnel_resent"),
        *("funnel_totp", "funnel_passkeys"),
    }


def _all(explained: Any, name: str) -> Iterator[Any]:
    """Every value with this name in a plan, without rejected plans."""
    if isinstance(explained, dict):
        for key, value in explained.items():
            if key == name:
                yield value
            elif key not in {"rejectedPlans", "command"}:
                yield from _all(value, name)
    elif isinstance(explained, list):
        for inner in explained:
            yield from _all(inner, name)
