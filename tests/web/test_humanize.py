"""Durations and shares in words."""

import pytest

from app.web.humanize import percent, took


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.4, "0 s"),
        (42.4, "42 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (7500, "2 h 5 min"),
        (86400 + 59, "1 d"),
        (100_800, "1 d 4 h"),
        (604800, "7 d"),
    ],
)
def test_durations_show_their_two_largest_units(seconds: float | None, words: str) -> None:
    assert took(seconds) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(0, 0, "–"), (0, 3, "0.0 %"), (2, 3, "66.7 %"), (3, 3, "100.0 %")],
)
def test_shares_show_one_decimal(part: int, whole: int, words: str) -> None:
    assert percent(part, whole) == words
