"""Attempts are counted by the same rules in memory and in MongoDB."""

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
    """Each place where attempts are counted. The time is noon."""
    with time_machine.travel(NOW, tick=False):
        if request.param == "memory":
            yield LibraryAttempts("memory://")
        else:
            database = connect(request.getfixturevalue("real_uri"))
            yield MongoAttempts(database, SECRET)
            database.client.close()


def test_attempts_over_the_limit_are_refused_with_the_wait(attempts: Attempts) -> None:
    full = [(ADA, 900)]
    assert [attempts.count([ADA], NOW) for _ in range(5)] == [[], [], [], full, full]


def test_other_keys_and_rules_have_separate_counts(attempts: Attempts) -> None:
    for _ in range(4):
        attempts.count([ADA], NOW)
    assert attempts.count([BOB], NOW) == []
    assert attempts.count([replace(ADA, rule="device")], NOW) == []


def test_only_the_attempts_over_their_limit_are_returned(attempts: Attempts) -> None:
    for _ in range(3):
        assert attempts.count([ADA], NOW) == []
    assert attempts.count([BOB, ADA], NOW) == [(ADA, 900)]


def test_a_window_starts_at_the_first_attempt_and_ends_after_its_seconds(
    attempts: Attempts,
) -> None:
    for later in (0, 60, 120):
        now = NOW + timedelta(seconds=later)
        with time_machine.travel(now, tick=False):
            assert attempts.count([ADA], now) == []
    now = NOW + timedelta(seconds=899)
    with time_machine.travel(now, tick=False):
        assert attempts.count([ADA], now) == [(ADA, 1)]
    now = NOW + timedelta(seconds=901)
    with time_machine.travel(now, tick=False):
        assert [attempts.count([ADA], now) for _ in range(4)] == [[], [], [], [(ADA, 900)]]


def test_the_wait_never_ends_before_the_window(attempts: Attempts) -> None:
    for _ in range(3):
        attempts.count([ADA], NOW)
    now = NOW + timedelta(seconds=1.75)
    with time_machine.travel(now, tick=False):
        assert attempts.count([ADA], now) == [(ADA, 899)]


class TestInMongoDB:
    """What only MongoDB can show: several processes, and what is stored."""

    @pytest.fixture
    def both(self, real_uri: str) -> Iterator[tuple[MongoAttempts, MongoAttempts]]:
        """The counts of two processes with one database."""
        databases = [connect(real_uri) for _ in range(2)]
        one, other = (MongoAttempts(database, SECRET) for database in databases)
        yield one, other
        for database in databases:
            database.client.close()

    def test_processes_share_their_counts(self, both: tuple[MongoAttempts, MongoAttempts]) -> None:
        one, other = both
        assert [one.count([ADA], NOW), other.count([ADA], NOW), one.count([ADA], NOW)] == [[]] * 3
        assert other.count([ADA], NOW) == [(ADA, 900)]

    @pytest.mark.parametrize("limit", [1, 7])
    def test_parallel_attempts_do_not_exceed_the_limit(
        self, both: tuple[MongoAttempts, MongoAttempts], limit: int
    ) -> None:
        """Several rounds, because only the first inserts of a key race."""
        with ThreadPoolExecutor(16) as threads:
            for number in range(10):
                tried = [replace(ADA, key=f"ada {number}", limit=limit), BOB]
                answers = list(threads.map(lambda n, t=tried: both[n % 2].count(t, NOW), range(40)))
                passed = [answer for answer in answers if tried[0] not in dict(answer)]
                assert len(passed) == limit

    def test_several_attempts_are_counted_by_one_command(
        self, both: tuple[MongoAttempts, MongoAttempts]
    ) -> None:
        both[0].count([ADA, BOB], NOW)
        with commands.recorded() as sent:
            assert both[0].count([ADA, BOB, replace(ADA, rule="mail")], NOW) == []
        assert [next(iter(command.items())) for command in sent] == [("update", "limits")]

    def test_a_stored_count_has_no_address_and_expires(
        self, both: tuple[MongoAttempts, MongoAttempts], real_uri: str
    ) -> None:
        both[0].count([replace(ADA, key="ada@example.com")], NOW)
        database = connect(real_uri)
        (stored,) = database["limits"].find()
        database.client.close()
        assert "ada" not in str(stored)
        assert stored["expires_on"] == NOW + timedelta(seconds=900)
