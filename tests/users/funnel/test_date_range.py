"""Date ranges and their days, weeks and months."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.users.funnel.date_range import By, DateRange, DateRangeError, parse_date_range

TODAY = date(2026, 11, 24)  # a Tuesday
DAYS = st.dates(date(1970, 1, 1), date(2200, 12, 31))
DAY = timedelta(days=1)


@given(DAYS, st.sampled_from(By))
def test_the_period_of_a_day_contains_the_day(day: date, by: By) -> None:
    number = by.number(day)
    assert by.start(number) <= day < by.start(number + 1)


@given(DAYS)
def test_weeks_follow_iso_8601(day: date) -> None:
    start = By.WEEK.start(By.WEEK.number(day))
    year, week, _day = day.isocalendar()
    assert start == date.fromisocalendar(year, week, 1)
    assert By.WEEK.label(start) == f"{year}-W{week:02}"


@given(DAYS)
def test_the_numbers_of_months_have_no_gaps(day: date) -> None:
    first = day.replace(day=1)
    assert By.MONTH.number(first) == By.MONTH.number(first - DAY) + 1
    assert By.MONTH.label(first) == day.isoformat()[:7]


@pytest.mark.parametrize(
    ("texts", "first", "last"),
    [
        (("", "", ""), date(2026, 9, 7), TODAY),
        (("", "", "day"), date(2026, 10, 26), TODAY),
        (("", "", "month"), date(2025, 12, 1), TODAY),
        (("2026-11-03", "", "week"), date(2026, 11, 3), TODAY),
        (("", "2026-01-01", "day"), date(2025, 12, 3), date(2026, 1, 1)),
        (("2026-11-24", "2026-11-24", "day"), TODAY, TODAY),
    ],
)
def test_missing_values_have_defaults(texts: tuple[str, str, str], first: date, last: date) -> None:
    assert parse_date_range(*texts, TODAY) == DateRange(first, last, By(texts[2] or "week"))


def test_a_range_has_every_period_that_overlaps_it() -> None:
    dates = DateRange(date(2026, 12, 31), date(2027, 1, 4), By.WEEK)
    assert list(dates.periods(By.WEEK)) == [date(2026, 12, 28), date(2027, 1, 4)]
    assert list(dates.periods(By.MONTH)) == [date(2026, 12, 1), date(2027, 1, 1)]
    assert len(list(dates.periods(By.DAY))) == 5


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (("2025-10-20", "2026-11-24", "day"), "more than 400 days"),
        (("2000-01-01", "2026-11-24", "week"), "more than 400 weeks"),
        (("24.11.2026", "", ""), "2026-11-24"),
        (("2026-W48-2", "", ""), "2026-11-24"),
        (("２０２６-11-24", "", ""), "2026-11-24"),
        (("2026-11-24 ", "", ""), "2026-11-24"),
        (("", "1998-01-01", ""), "2000-01-01"),
        (("", "", "year"), "day, week or month"),
    ],
)
def test_an_invalid_range_is_refused(texts: tuple[str, str, str], words: str) -> None:
    with pytest.raises(DateRangeError, match=words):
        parse_date_range(*texts, TODAY)


def test_a_range_may_have_400_periods() -> None:
    assert (
        len(list(parse_date_range("2025-10-21", "2026-11-24", "day", TODAY).periods(By.DAY))) == 400
    )
