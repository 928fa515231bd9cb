"""Pages: one signed in, a form for anybody, and a link that is opened and pressed."""

import itertools
from collections.abc import Iterable, Iterator

from bench.http import get, post
from bench.load import Crowd, Step, drive
from bench.measure import Pairs, alternate
from bench.report import Goal, Row, per_second
from bench.servers import Web
from bench.sides import Floor, Ours
from bench.stage import Stage

_CLIENTS = 8
_PEOPLE = 50
# More links than any machine opens in a second.
_LINKS_PER_SECOND = 900


def page(path: str, cookies: Iterable[str]) -> Crowd:
    """Browsers that open a page, one after the other."""
    turns = itertools.cycle(cookies)

    def step() -> Step:
        answer = yield get(path, next(turns))
        answer.expect(200)

    return Crowd("page", _CLIENTS, step)


def _rates(stage: Stage, floor: tuple[Web, Crowd], ours: tuple[Web, Crowd]) -> Pairs:
    seconds = stage.effort.page_seconds

    def rate(web: Web, crowd: Crowd) -> float:
        return drive(web.port, seconds, crowd)[crowd.kind].rate

    return alternate(lambda: rate(*floor), lambda: rate(*ours), stage.effort.rounds)


def _row(name: str, pairs: Pairs, percent: int) -> Row:
    goal = Goal(at_least=percent / 100)
    floor, ours = per_second(pairs.floor), per_second(pairs.ours)
    return Row(name, floor, ours, pairs.ratio, "%", goal)


def signed_in_page(stage: Stage, ours: Ours, floor: Floor) -> Iterator[Row]:
    """The home page of somebody who is signed in: one find, one template."""
    mine = [ours.cookie(person) for person in ours.people(_PEOPLE, confirmed=True)]
    bare = [floor.cookie(user_id) for user_id in floor.people(_PEOPLE)]
    pairs = _rates(stage, (floor.one, page("/", bare)), (ours.one, page("/", mine)))
    yield _row("signed-in page", pairs, 80)


def form_page(stage: Stage, ours: Ours, floor: Floor) -> Iterator[Row]:
    """The form to sign in, for a browser without any cookie."""
    form = page("/login", [""])
    yield _row("form page, anonymous", _rates(stage, (floor.one, form), (ours.one, form)), 40)


def _open(links: Iterator[str]) -> Step:
    answer = yield get(next(links))
    answer.expect(302)


def open_and_press(links: Iterator[tuple[str, str]]) -> Step:
    path, cookie = next(links)
    asked = yield get(path, cookie)
    asked.expect(200)
    answer = yield post(path, {"csrf_token": asked.csrf_token}, cookie)
    answer.expect(302)


def confirming(stage: Stage, ours: Ours, floor: Floor) -> Iterator[Row]:
    """A link that is opened and whose button is pressed, beside the update alone."""
    effort = stage.effort
    number = int(_LINKS_PER_SECOND * effort.page_seconds * (effort.rounds + 1))
    # Signed before the clock runs, as mails and cookies are.
    waiting = ours.people(number, confirmed=False)
    mine = iter([(ours.link(person), ours.cookie(person)) for person in waiting])
    bare = iter([floor.link(user_id) for user_id in floor.people(number)])
    press = Crowd("link", _CLIENTS, lambda: open_and_press(mine))
    update = Crowd("link", _CLIENTS, lambda: _open(bare))
    pairs = _rates(stage, (floor.one, update), (ours.one, press))
    yield _row("link opened and pressed (2 requests; floor: 1)", pairs, 40)
