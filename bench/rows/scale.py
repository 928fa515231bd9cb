"""What each step reads, and how long it takes, in a small and a large collection."""

import random
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import Any

from app.users import indexes
from app.users.addresses import parse_address
from app.users.clock import utcnow
from app.users.outbox import Outbox
from app.users.repository import UserRepository
from bench import people
from bench.measure import Pairs, Spread
from bench.people import BROWSER, WEEK, Person, Users
from bench.report import Goal, Row, milliseconds
from bench.sides import Sides
from bench.stage import Stage

FEW = 1_000
# One account in so many is unconfirmed.
_UNCONFIRMED = 10
_LEASE = timedelta(minutes=1)
_NO_COOLDOWN = timedelta(0)

Steps = dict[str, Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What MongoDB counts for a step: commands, index keys and documents read."""

    commands: int
    keys: int
    documents: int

    @property
    def read(self) -> int:
        """Keys and documents together."""
        return self.keys + self.documents

    def __str__(self) -> str:
        return f"{self.commands} cmd, {self.keys} keys, {self.documents} docs"


class Crowded:
    """A collection of so many accounts. The steps act as the owners of some of them."""

    def __init__(self, users: Users, names: Iterator[str], number: int, steps: int) -> None:
        self.users, self._names = users, names
        self.repository, self.outbox = UserRepository(users), Outbox(users)
        self._settled = iter(self._fill(number, confirmed=True, keep=steps))
        self._waiting = iter(self._fill(number // _UNCONFIRMED, confirmed=False, keep=steps))
        # At the end: that takes a tenth of the time.
        list(indexes.apply(users.database))

    def _fill(self, number: int, *, confirmed: bool, keep: int) -> list[Person]:
        document = people.pattern(self.users, 4, confirmed=confirmed) | {"outbox": []}
        stored = people.insert(self.users, people.copies(document, number, self._names))
        return random.sample(stored, keep)

    def steps(self) -> Steps:
        """The steps of one person, from registering to a reset, on accounts not used before."""
        settled, waiting = next(self._settled), next(self._waiting)
        users, now = self.repository, utcnow()
        user, unconfirmed = users.find(settled.id), users.find(waiting.id)
        assert user
        assert unconfirmed
        newcomer = parse_address(f"{next(self._names)}@example.org")
        entry = people.new_session()
        version = unconfirmed.token_version + 1
        return {
            "register": partial(users.register, newcomer, "hash", entry, WEEK),
            "lease a letter and settle it": self._deliver,
            "signed-in page": partial(users.find_by_session, settled.id, settled.session_id),
            "look an address up": partial(users.find_by_email, settled.email),
            "sign in": partial(users.sign_in, user, people.new_session()),
            "resend": partial(users.resend, unconfirmed, now, _NO_COOLDOWN),
            "confirm": partial(users.confirm, unconfirmed, version, now, BROWSER),
            "ask for a reset": partial(users.ask_reset, settled.email, now, BROWSER),
            "lease the reset's letter": self._deliver,
            "sign out": partial(users.sign_out, settled.id, settled.session_id),
        }

    def _deliver(self) -> bool:
        leased = self.outbox.lease(utcnow(), _LEASE)
        assert leased is not None
        return self.outbox.settle(leased, utcnow())


def costs(users: Users, steps: Mapping[str, Callable[[], object]]) -> dict[str, Cost]:
    """The cost of each step, from MongoDB's profiler."""
    database = users.database
    counted = {}
    for name, step in steps.items():
        database.command("profile", 2)
        step()
        database.command("profile", 0)
        found = database["system.profile"].find({"ns": users.full_name})
        entries: list[dict[str, Any]] = list(found)
        database["system.profile"].drop()
        counted[name] = Cost(
            len(entries),
            sum(command.get("keysExamined", 0) for command in entries),
            sum(command.get("docsExamined", 0) for command in entries),
        )
    return counted


def _time(steps: Steps) -> dict[str, float]:
    took = {}
    for name, step in steps.items():
        began = perf_counter()
        step()
        took[name] = perf_counter() - began
    return took


def growing(stage: Stage, sides: Sides) -> Iterator[Row]:
    """A thousand accounts and a million, in alternation."""
    del sides
    effort = stage.effort
    number = 2 + effort.steps  # two more: for the profiler, and to warm up
    few, many = (
        Crowded(stage.database(f"of_{size}")["users"], stage.names(), size, number)
        for size in (FEW, effort.accounts)
    )
    least, most = costs(few.users, few.steps()), costs(many.users, many.steps())
    for crowded in (few, many):
        _time(crowded.steps())
    turns = [(_time(few.steps()), _time(many.steps())) for _ in range(effort.steps)]
    for name in least:
        pairs = Pairs.of(*zip(*((one[name], other[name]) for one, other in turns), strict=True))
        floor_cell = f"{milliseconds(pairs.floor)}, {least[name]}"
        our_cell = f"{milliseconds(pairs.ours)}, {most[name]}"
        step = f"{name}, {effort.accounts:,} accounts (floor: {FEW:,})"
        yield Row(step, floor_cell, our_cell, _quarterly(pairs), "x", Goal(at_most=1.3))
    more = Spread(tuple(float(most[name].read - least[name].read) for name in least))
    yield Row("keys and documents read more, each step", "", "", more, "", Goal(at_most=0))


def _quarterly(pairs: Pairs) -> Spread:
    """The ratios of four parts of the run, each of medians: some steps wait for the disk."""
    quarters = zip(_quarters(pairs.ours), _quarters(pairs.floor), strict=True)
    return Spread(tuple(mine / theirs for mine, theirs in quarters))


def _quarters(spread: Spread) -> Iterator[float]:
    """The medians of four parts, in the order of measuring."""
    size = max(1, len(spread.values) // 4)
    for at in range(0, len(spread.values), size):
        yield statistics.median(spread.values[at : at + size])
