"""Counting attempts: the same in memory and in a MongoDB that processes share."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app.mongo import connect
from app.security.attempts import Attempt, Attempts, LibraryAttempts, MongoAttempts
from tests.commands import commands

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ADA, BOB = Attempt("account", "ada", 3, 900), Attempt("account", "bob", 3, 900)
SECRET = "s" * 32


@pytest.fixture(params=["memory", "mongod"])
def attempts(request: pytest.FixtureRequest) -> Iterator[Attempts]:
    """Somewhere to count, at noon."""
    with time_machine.travel(NOW, tick=False):
        if request.param == "memory":
            yield LibraryAttempts("memory://")
        else:
            database = connect(request.getfixturevalue("real_uri"))
            yield MongoAttempts(database, SECRET)
            database.client.close()


def test_as_many_as_the_rule_says_and_no_more(attempts: Attempts) -> None:
    full = [(ADA, 900)]
    assert [attempts.count([ADA], NOW) for _ in range(5)] == [[], [], [], full, full]


def test_others_are_not_concerned(attempts: Attempts) -> None:
    for _ in range(4):
        attempts.count([ADA], NOW)
    assert attempts.count([BOB], NOW) == []
    assert attempts.count([replace(ADA, rule="device")], NOW) == []


def test_of_several_at_once_those_that_are_full_are_named(attempts: Attempts) -> None:
    for _ in range(3):
        assert attempts.count([ADA], NOW) == []
    assert attempts.count([BOB, ADA], NOW) == [(ADA, 900)]


def test_the_window_begins_with_the_first_attempt_and_ends(attempts: Attempts) -> None:
    begun = NOW
    for later in (0, 60, 120):
        now = begun + timedelta(seconds=later)
        with time_machine.travel(now, tick=False):
            assert attempts.count([ADA], now) == []
    now = begun + timedelta(seconds=899)
    with time_machine.travel(now, tick=False):
        assert attempts.count([ADA], now) == [(ADA, 1)]
    now = begun + timedelta(seconds=901)
    with time_machine.travel(now, tick=False):
        assert [attempts.count([ADA], now) for _ in range(4)] == [[], [], [], [(ADA, 900)]]


class TestInMongoDB:
    """What memory cannot show."""

    @pytest.fixture
    def both(self, real_uri: str) -> Iterator[tuple[MongoAttempts, MongoAttempts]]:
        """Two processes' own, on one database."""
        databases = [connect(real_uri) for _ in range(2)]
        one, other = (MongoAttempts(database, SECRET) for database in databases)
        yield one, other
        for database in databases:
            database.client.close()

    def test_all_processes_count_together(self, both: tuple[MongoAttempts, MongoAttempts]) -> None:
        one, other = both
        assert [one.count([ADA], NOW), other.count([ADA], NOW), one.count([ADA], NOW)] == [[]] * 3
        assert other.count([ADA], NOW) == [(ADA, 900)]

    @pytest.mark.parametrize("limit", [1, 7])
    def test_of_many_at_the_same_moment_just_so_many_pass(
        self, both: tuple[MongoAttempts, MongoAttempts], limit: int
    ) -> None:
        """Several rounds, since it is the first inserts that race."""
        with ThreadPoolExecutor(16) as threads:
            for number in range(10):
                tried = [replace(ADA, key=f"ada {number}", limit=limit), BOB]
                answers = list(threads.map(lambda n, t=tried: both[n % 2].count(t, NOW), range(40)))
                passed = [answer for answer in answers if tried[0] not in dict(answer)]
                assert len(passed) == limit

    def test_any_number_costs_one_command(self, both: tuple[MongoAttempts, MongoAttempts]) -> None:
        both[0].count([ADA, BOB], NOW)
        with commands.recorded() as sent:
            assert both[0].count([ADA, BOB, replace(ADA, rule="mail")], NOW) == []
        assert [next(iter(command.items())) for command in sent] == [("update", "limits")]

    def test_no_address_is_stored_and_every_count_ends(
        self, both: tuple[MongoAttempts, MongoAttempts], real_uri: str
    ) -> None:
        both[0].count([replace(ADA, key="ada@example.com")], NOW)
        database = connect(real_uri)
        (stored,) = database["limits"].find()
        database.client.close()
        assert "ada" not in str(stored)
        assert stored["expires_on"] == NOW + timedelta(seconds=900)
