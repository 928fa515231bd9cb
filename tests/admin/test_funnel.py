"""The funnel's page and its CSV, as an administrator sees them."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from bs4 import BeautifulSoup
from flask import Flask

from app.mongo import current_mongo
from tests.mailbox import Mailbox
from tests.users.funnel import made
from tests.visitor import PASSWORD, Visitor

# A Thursday. The default range starts on Monday, 7 September.
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW - MINUTE, tick=False) as clock:
        yield clock


@pytest.fixture
def accounts(app: Flask, administrator: Visitor) -> list[made.Made]:
    """Accounts that registered since the middle of October."""
    people = made.make(200, NOW - 40 * DAY, NOW - MINUTE, NOW)
    with app.app_context():
        database = current_mongo().database
        for name, documents in zip(
            ("users", "departed"), made.documents(people, NOW - MINUTE), strict=True
        ):
            database[name].insert_many(documents)
    return people


def tile(page: BeautifulSoup, name: str) -> str:
    """The value of a tile."""
    term = page.find("dt", string=name)
    assert term
    value = term.find_next("dd")
    assert value
    return value.get_text(" ", strip=True)


def rows(page: BeautifulSoup, title: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    heading = page.find("h2", string=title)
    assert heading
    table = heading.find_next("table")
    assert table
    return [
        [cell.get_text(strip=True) for cell in row.select("th, td")] for row in table.select("tr")
    ]


def test_the_tiles_show_the_totals(administrator: Visitor, accounts: list[made.Made]) -> None:
    page = administrator.page("/admin/?from=2026-09-01")
    # The administrator counts as registered and as confirmed.
    registered = len(accounts) + 1
    confirmed = sum(account.confirmed for account in accounts) + 1
    assert tile(page, "Registered") == str(registered)
    assert tile(page, "Confirmed") == f"{100 * confirmed / registered:.1f} % {confirmed}"
    refused = sum(account.refused for account in accounts)
    assert tile(page, "Letters refused").startswith(f"{refused} ")


@pytest.mark.parametrize("by", ["day", "week", "month"])
def test_each_period_has_a_row_with_its_numbers(
    administrator: Visitor, accounts: list[made.Made], by: str
) -> None:
    page = administrator.page(f"/admin/?from=2026-10-01&to=2026-11-25&by={by}")
    head, *lines, total = rows(page, f"What became of them, by {by}")
    assert head[:4] == [by.capitalize(), "Registered", "Confirmed", "Share"]
    until = datetime(2026, 11, 26, tzinfo=UTC)
    there = [account for account in accounts if account.registered_on < until]
    expected = {str(len(group)) for _start, group in made.periods(there, by)}
    assert {line[1] for line in lines} - {"0"} == expected
    assert total[:2] == ["All", str(len(there))]
    for line in lines:
        registered, confirmed, *_ = map(int, (line[1], line[2], *line[4:7]))
        assert registered == confirmed + sum(map(int, line[4:7])), "each account has one outcome"


def test_the_default_is_twelve_weeks_up_to_today(administrator: Visitor) -> None:
    page = administrator.page("/admin/")
    asked = [str(field["value"]) for field in page.select("form.lk-span input")]
    assert asked == ["2026-09-07", "2026-11-26"]
    _head, *lines, _total = rows(page, "What became of them, by week")
    assert [lines[0][0], lines[-1][0], len(lines)] == ["2026-W37", "2026-W48", 12]


def test_before_anybody_registers_the_page_says_what_it_will_show(administrator: Visitor) -> None:
    page = administrator.page("/admin/?from=2020-01-01&to=2020-02-01")
    assert "Nobody has registered in this time" in page.get_text()
    assert not page.select("table")


REFUSED = [
    ({"from": "yesterday"}, "Write a day as year, month and day"),
    ({"to": "2026-02-30"}, "Write a day as year, month and day"),
    ({"from": "20261101"}, "Write a day as year, month and day"),
    ({"by": "hour"}, "Choose day, week or month"),
    ({"from": "2026-11-02", "to": "2026-11-01"}, "The first day is after the last one"),
    ({"from": "1999-12-31"}, "Choose days from 2000-01-01"),
    ({"to": "9999-12-31"}, "Choose days from 2000-01-01"),
    ({"from": "2024-01-01", "by": "day"}, "more than 400 days"),
    ({"from": "2026-11-01'><script>"}, "Write a day as year, month and day"),
]


@pytest.mark.parametrize(("asked", "words"), REFUSED, ids=str)
def test_an_invalid_date_range_is_refused_with_the_reason(
    administrator: Visitor, asked: dict[str, str], words: str
) -> None:
    answer = administrator.get(f"/admin/?{urlencode(asked)}")
    assert answer.status_code == 422
    page = BeautifulSoup(answer.text, "html.parser")
    assert words in " ".join(alert.get_text() for alert in page.select(".alert-danger"))
    assert not page.select("table")
    file = administrator.get(f"/admin/funnel.csv?{urlencode(asked)}")
    assert (file.status_code, file.mimetype) == (422, "text/plain")
    assert words in file.text


def test_the_csv_has_a_line_for_each_period(
    administrator: Visitor, accounts: list[made.Made]
) -> None:
    answer = administrator.get("/admin/funnel.csv?from=2026-10-01&to=2026-11-30&by=month")
    assert answer.mimetype == "text/csv"
    disposition = answer.headers["Content-Disposition"]
    assert disposition == 'attachment; filename="funnel-2026-10-01-2026-11-30-by-month.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [line["month"] for line in lines] == ["2026-10", "2026-11"]
    october = [account for account in accounts if account.registered_on.month == 10]
    expected = {name: str(value) for name, value in made.line(october).items()}
    assert {name: lines[0][name] for name in expected} == expected
    cells = [cell for line in csv.reader(io.StringIO(answer.text)) for cell in line]
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]


def test_a_period_without_registrations_has_empty_cells_for_shares_and_times(
    administrator: Visitor,
) -> None:
    answer = administrator.get("/admin/funnel.csv?from=2020-01-01&to=2020-01-01&by=day")
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert (line["day"], line["registered"]) == ("2020-01-01", "0")
    assert (line["share"], line["median_seconds"], line["p90_seconds"]) == ("", "", "")


def test_the_funnel_counts_the_steps_of_one_person(
    administrator: Visitor,
    visitor: Visitor,
    mailbox: Mailbox,
    clock: time_machine.Traveller,
) -> None:
    """Registered, resent, confirmed after three minutes, and deleted."""
    today = f"/admin/?from={date.today()}&by=day"

    def totals() -> dict[str, str]:
        head, _line, total = rows(administrator.page(today), "What became of them, by day")
        return dict(zip(head, total, strict=True))

    visitor.register("ada@example.com")
    assert (totals()["Registered"], totals()["Waiting"]) == ("2", "1")
    clock.shift(2 * MINUTE)
    visitor.submit("/resend", on="/unconfirmed")
    clock.shift(MINUTE)
    visitor.submit(mailbox.newest("ada@example.com").link)
    assert (totals()["Confirmed"], totals()["Resends"]) == ("2", "1")
    assert (totals()["Median"], totals()["90 % by"]) == ("1 min 30 s", "2 min 42 s")
    visitor.submit("/profile/delete", current_password=PASSWORD)
    after = totals()
    assert (after["Registered"], after["Confirmed"], after["Deleted"]) == ("2", "2", "1")
    mailbox.all()
    assert totals() == after, "unchanged after the deletion mail is sent"


def test_an_account_that_expired_unconfirmed_is_counted_as_expired(
    administrator: Visitor,
    visitor: Visitor,
    mailbox: Mailbox,
    clock: time_machine.Traveller,
    app: Flask,
) -> None:
    """The mail worker records the account on the day before, and does not run again until then."""
    path = f"/admin/funnel.csv?from={NOW.date()}&to={NOW.date()}&by=day"

    def totals() -> dict[str, str]:
        root = Visitor(app)
        root.sign_in("root@example.com")
        (line,) = csv.DictReader(io.StringIO(root.get(path).text))
        return line

    visitor.register("ada@example.com")
    clock.shift(6 * DAY + MINUTE)
    mailbox.all()
    assert (totals()["waiting"], totals()["expired"]) == ("1", "0")
    clock.shift(DAY)
    assert (totals()["registered"], totals()["waiting"], totals()["expired"]) == ("2", "0", "1")
    with app.app_context():
        users = current_mongo().users
        assert users.count_documents({"email_key": "ada@example.com"}) == 0
    mailbox.all()
    assert totals()["expired"] == "1"
