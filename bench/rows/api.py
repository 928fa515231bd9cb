"""The API beside the signed-in page of the same app, which is the first figure of these rows."""

import itertools
from collections.abc import Iterator

from bench.http import get
from bench.load import Crowd, Step
from bench.measure import alternate
from bench.report import Goal, Row, per_second
from bench.rows.pages import page, rate_of
from bench.sides import Sides
from bench.stage import Stage

_CLIENTS, _PEOPLE = 8, 50


def calling(stage: Stage, sides: Sides) -> Iterator[Row]:
    """A program with a token reads its account: one find."""
    ours = sides.ours
    tokens = [ours.bearer(person) for person in ours.people(_PEOPLE, confirmed=True)]
    yield _beside_page(stage, sides, "API: read the account", _calls(tokens))


def verifying(stage: Stage, sides: Sides) -> Iterator[Row]:
    """A proxy asks about the cookie of a browser: one find."""
    ours = sides.ours
    cookies = [ours.cookie(person) for person in ours.people(_PEOPLE, confirmed=True)]
    yield _beside_page(stage, sides, "API: verify", page("/api/v1/verify", cookies))


def _beside_page(stage: Stage, sides: Sides, name: str, calls: Crowd) -> Row:
    ours = sides.ours
    cookies = [ours.cookie(person) for person in ours.people(_PEOPLE, confirmed=True)]
    of_page = rate_of(stage, (ours.one, page("/", cookies)))
    of_calls = rate_of(stage, (ours.one, calls))
    pairs = alternate(of_page, of_calls, stage.effort.rounds)
    goal = Goal(at_least=1.0)
    floor, found = per_second(pairs.floor), per_second(pairs.ours)
    return Row(f"{name} (first: our signed-in page)", floor, found, pairs.ratio, "%", goal)


def _calls(tokens: list[str]) -> Crowd:
    turns = itertools.cycle(tokens)

    def step() -> Step:
        answer = yield get("/api/v1/account", bearer=next(turns))
        answer.expect(200)

    return Crowd("call", _CLIENTS, step)
