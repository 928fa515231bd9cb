"""Steps that hash a password: registering, signing in, and their effect on other requests."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from time import monotonic

import bcrypt

from bench.http import get, post
from bench.load import Crowd, Step, drive
from bench.measure import Pairs, alternate
from bench.peers import Peer
from bench.people import PASSWORD
from bench.report import Goal, Row, milliseconds, per_second
from bench.rows.mail import deliver
from bench.servers import Web
from bench.sides import Ours, Sides
from bench.stage import Stage

CORES = os.cpu_count() or 1
# Enough to keep every core busy while some answers travel.
_CLIENTS = 2 * CORES
_FLOOD = 64
_PEOPLE = 200
_PATIENCE = 600.0  # seconds
_SLOW_MAIL = 2.0  # seconds per mail

Side = tuple[Web, tuple[Crowd, ...]]


def blank_form(web: Web, path: str) -> tuple[str, str]:
    """Opens a form before the clock runs; returns the cookie and the CSRF token."""
    forms: list[tuple[str, str]] = []

    def step() -> Step:
        answer = yield get(path)
        forms.append((answer.cookie, answer.csrf_token))

    drive(web.port, _PATIENCE, Crowd("form", 1, step, limit=1))
    return forms[0]


def _register(stage: Stage, web: Web, repeated: str = "confirm") -> Crowd:
    """People who send the form that they have open.

    Args:
        repeated: the name of the field with the password once more.
    """
    cookie, token = blank_form(web, "/register")
    names = stage.names()

    def step() -> Step:
        email = f"{next(names)}@example.org"
        fields = {"email": email, "password": PASSWORD, repeated: PASSWORD, "csrf_token": token}
        answer = yield post("/register", fields, cookie)
        answer.expect(302)

    return Crowd("register", _CLIENTS, step, limit=stage.effort.hashes)


def _peer_register(stage: Stage, web: Web) -> Crowd:
    return _register(stage, web, "password_confirm")


def _floor_register(stage: Stage) -> Crowd:
    names = stage.names()

    def step() -> Step:
        fields = {"email": f"{next(names)}@example.org", "password": PASSWORD}
        answer = yield post("/register", fields)
        answer.expect(302)

    return Crowd("register", _CLIENTS, step, limit=stage.effort.hashes)


def _sign_in(web: Web, emails: Iterable[str], *statuses: int) -> Callable[[], Step]:
    """Confirmed people sign in, in turn."""
    cookie, token = blank_form(web, "/login")
    turns = itertools.cycle(emails)

    def step() -> Step:
        fields = {"email": next(turns), "password": PASSWORD, "csrf_token": token}
        answer = yield post("/login", fields, cookie)
        answer.expect(*statuses)

    return step


def _our_sign_in(ours: Ours, *statuses: int) -> Callable[[], Step]:
    emails = [person.email for person in ours.people(_PEOPLE, confirmed=True)]
    return _sign_in(ours.many, emails, *statuses)


def _peer_sign_in(peer: Peer) -> Callable[[], Step]:
    emails = [person.email for person in peer.people(_PEOPLE, confirmed=True)]
    return _sign_in(peer.many, emails, 302)


def _reader(cookie: str) -> Crowd:
    """Another person, who opens ten pages per second."""

    def step() -> Step:
        answer = yield get("/", cookie)
        answer.expect(200)

    return Crowd("page", 1, step, pause=0.1)


def registering(stage: Stage, sides: Sides) -> Iterator[Row]:
    """Somebody sends the form, and an account is made. No worker of ours delivers mail."""
    floor, ours = sides.floor.many, sides.ours.many
    peers = [(peer.many, (_peer_register(stage, peer.many),)) for peer in sides.peers]
    bare, mine = (_floor_register(stage),), (_register(stage, ours),)
    pairs, _ = _rates(stage, [(floor, bare), (ours, mine), *peers])
    yield _throughput("register", pairs, 95)


def registering_with_slow_mail(stage: Stage, sides: Sides) -> Iterator[Row]:
    """The same with a mail server that takes 2 s per mail, while another person opens pages."""
    ours, floor = sides.ours, sides.floor
    (reader,), (bare_reader,) = ours.people(1, confirmed=True), floor.people(1)
    bare = floor.many, (_floor_register(stage), _reader(floor.cookie(bare_reader)))
    mine = ours.many, (_register(stage, ours.many), _reader(ours.cookie(reader)))
    with ExitStack() as running:
        sink = running.enter_context(stage.mail_server(_SLOW_MAIL))
        peers = [_slow_peer(stage, peer, peer.sending_to(sink)) for peer in sides.peers]
        running.enter_context(deliver(stage, ours, sink))
        pairs, slowest = _rates(stage, [bare, mine, *peers])
    yield _throughput("register, mail server takes 2 s a mail", pairs, 95)
    yield _slower("others' page meanwhile, p95", slowest[0], slowest[1], 1.1)


def _slow_peer(stage: Stage, peer: Peer, web: Web) -> Side:
    (reader,) = peer.people(1, confirmed=True)
    return web, (_peer_register(stage, web), _reader(reader.cookie))


def signing_in(stage: Stage, sides: Sides) -> Iterator[Row]:
    """The form to sign in, beside what bcrypt alone reaches on all cores."""
    number, ours = stage.effort.hashes, sides.ours

    def rate(web: Web, step: Callable[[], Step]) -> Callable[[], float]:
        crowd = Crowd("sign in", _CLIENTS, step, limit=number)
        return lambda: drive(web.port, _PATIENCE, crowd)[crowd.kind].rate

    pairs = alternate(
        lambda: hashes_alone(number, ours.hash_rounds),
        rate(ours.many, _our_sign_in(ours, 302)),
        stage.effort.rounds,
        peers=[rate(peer.many, _peer_sign_in(peer)) for peer in sides.peers],
    )
    yield _throughput("sign in (floor: bcrypt alone)", pairs, 96)


def hashes_alone(number: int, rounds: int) -> float:
    """Password checks per second on a thread per core: bcrypt releases the interpreter lock."""
    stored = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(rounds))
    began = monotonic()
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(lambda _: bcrypt.checkpw(PASSWORD.encode(), stored), range(number)))
    return number / (monotonic() - began)


def flooding(stage: Stage, sides: Sides) -> Iterator[Row]:
    """A signed-in page while 64 clients sign in, beside the same page while nobody does."""
    ours = sides.ours
    (reader,) = ours.people(1, confirmed=True)
    # The app may refuse some: that keeps the page fast.
    crowd = Crowd("sign in", _FLOOD, _our_sign_in(ours, 302, 503), flood=True)
    page = _reader(ours.cookie(reader))
    port, seconds = ours.many.port, stage.effort.flood_seconds
    quiet, flooded = [], []
    for _ in range(stage.effort.flood_rounds):
        quiet.append(drive(port, seconds, page)["page"].p95)
        flooded.append(drive(port, seconds, page, crowd)["page"].p95)
    yield _slower("signed-in page during 64 sign-ins, p95 (floor: quiet)", quiet, flooded, 5)


def _rates(stage: Stage, sides: Sequence[Side]) -> tuple[Pairs, list[list[float]]]:
    """The rates of registering, and for each side the p95 of the pages meanwhile, if any."""
    slowest: list[list[float]] = [[] for _ in sides]

    def rate(place: int) -> float:
        web, crowds = sides[place]
        tallies = drive(web.port, _PATIENCE, *crowds)
        slowest[place] += [tallies["page"].p95] if "page" in tallies else []
        return tallies["register"].rate

    floor, ours, *peers = (partial(rate, place) for place in range(len(sides)))
    pairs = alternate(floor, ours, stage.effort.rounds, peers=peers)
    # The first round of each side does not count.
    return pairs, [values[1:] for values in slowest]


def _throughput(name: str, pairs: Pairs, percent: int) -> Row:
    floor, ours = per_second(pairs.floor), per_second(pairs.ours)
    return Row(name, floor, ours, pairs.ratio, "%", Goal(at_least=percent / 100), pairs.shares)


def _slower(name: str, floor: list[float], ours: list[float], at_most: float) -> Row:
    pairs = Pairs.of(floor, ours)
    cells = milliseconds(pairs.floor), milliseconds(pairs.ours)
    return Row(name, *cells, pairs.ratio, "x", Goal(at_most=at_most))
