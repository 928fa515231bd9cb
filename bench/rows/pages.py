"""Pages: two for a signed-in person, the form to sign in, and a confirmation link."""

import itertools
from collections.abc import Callable, Iterable, Iterator

from bench.http import get, post
from bench.load import Crowd, Step, drive
from bench.measure import Pairs, alternate
from bench.peers import Peer
from bench.report import Goal, Row, per_second
from bench.servers import Web
from bench.sides import Sides
from bench.stage import Stage

_CLIENTS = 8
_PEOPLE = 50
# More links than a server opens in a second. A peer hashes the address for each.
_LINKS_PER_SECOND, _PEER_LINKS_PER_SECOND = 2_500, 12

Side = tuple[Web, Crowd]


def page(path: str, cookies: Iterable[str]) -> Crowd:
    """Browsers that open a page, in turn."""
    turns = itertools.cycle(cookies)

    def step() -> Step:
        answer = yield get(path, next(turns))
        answer.expect(200)

    return Crowd("page", _CLIENTS, step)


def _rates(stage: Stage, floor: Side, ours: Side, peers: Iterable[Side] = ()) -> Pairs:
    others = [rate_of(stage, peer) for peer in peers]
    rounds = stage.effort.rounds
    return alternate(rate_of(stage, floor), rate_of(stage, ours), rounds, peers=others)


def rate_of(stage: Stage, side: Side) -> Callable[[], float]:
    """A function that lets the crowd use the server, and returns the steps per second."""
    web, crowd = side
    return lambda: drive(web.port, stage.effort.page_seconds, crowd)[crowd.kind].rate


def _row(name: str, pairs: Pairs, percent: int | None) -> Row:
    goal = Goal(at_least=percent / 100) if percent else Goal()
    floor, ours = per_second(pairs.floor), per_second(pairs.ours)
    return Row(name, floor, ours, pairs.ratio, "%", goal, pairs.shares)


def _signed_in(stage: Stage, sides: Sides, path: str, peers: Iterable[Side] = ()) -> Pairs:
    ours, floor = sides.ours, sides.floor
    mine = [ours.cookie(person) for person in ours.people(_PEOPLE, confirmed=True)]
    bare = [floor.cookie(user_id) for user_id in floor.people(_PEOPLE)]
    return _rates(stage, (floor.one, page("/", bare)), (ours.one, page(path, mine)), peers)


def signed_in_page(stage: Stage, sides: Sides) -> Iterator[Row]:
    """The home page of a signed-in person: one find, one template."""
    yield _row("signed-in page", _signed_in(stage, sides, "/"), 65)


def account_page(stage: Stage, sides: Sides) -> Iterator[Row]:
    """The profile page, beside a page of the same size of each peer; only with peers."""
    if not sides.peers:
        return
    peers = [
        (peer.one, page("/", [person.cookie for person in peer.people(_PEOPLE, confirmed=True)]))
        for peer in sides.peers
    ]
    pairs = _signed_in(stage, sides, "/profile", peers)
    yield _row("account page, signed in (4 kB)", pairs, None)


def form_page(stage: Stage, sides: Sides) -> Iterator[Row]:
    """The form to sign in, for a browser without any cookie."""
    form = page("/login", [""])
    peers = [(peer.one, form) for peer in sides.peers]
    pairs = _rates(stage, (sides.floor.one, form), (sides.ours.one, form), peers)
    yield _row("form page, anonymous", pairs, 50)


def _open(links: Iterator[str], location: str) -> Step:
    answer = yield get(next(links))
    answer.expect(302)
    if answer.location != location:
        raise ValueError(f"the link was refused: {answer.head!r}")


def open_and_press(links: Iterator[tuple[str, str]]) -> Step:
    """Opens a link in a signed-in browser, and presses its button."""
    path, cookie = next(links)
    asked = yield get(path, cookie)
    asked.expect(200)
    answer = yield post(path, {"csrf_token": asked.csrf_token}, cookie)
    answer.expect(302)


def confirming(stage: Stage, sides: Sides) -> Iterator[Row]:
    """A link is opened and its button pressed. On the floor and the peers, opening it confirms."""
    ours, floor = sides.ours, sides.floor
    effort = stage.effort
    number = int(_LINKS_PER_SECOND * effort.page_seconds * (effort.rounds + 1))
    # Links and cookies are signed before the clock runs.
    waiting = ours.people(number, confirmed=False)
    mine = iter([(ours.link(person), ours.cookie(person)) for person in waiting])
    bare = iter([floor.link(user_id) for user_id in floor.people(number)])
    press = Crowd("link", _CLIENTS, lambda: open_and_press(mine))
    update = Crowd("link", _CLIENTS, lambda: _open(bare, "/"))
    peers = [(peer.one, _peer_links(stage, peer)) for peer in sides.peers]
    pairs = _rates(stage, (floor.one, update), (ours.one, press), peers)
    yield _row("link opened and pressed (2 requests; floor: 1)", pairs, 35)


def _peer_links(stage: Stage, peer: Peer) -> Crowd:
    effort = stage.effort
    per_round = int(_PEER_LINKS_PER_SECOND * effort.page_seconds) + _CLIENTS
    people = peer.people(per_round * (effort.rounds + 1), confirmed=False, links=True)
    links = iter([person.link for person in people])
    # A link that is refused redirects too, but elsewhere.
    return Crowd("link", _CLIENTS, lambda: _open(links, "/login"))
