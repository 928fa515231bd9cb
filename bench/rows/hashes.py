"""What costs a password hash: registering, signing in, and what they do to everybody else."""

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic

import bcrypt

from bench.http import get, post
from bench.load import Crowd, Step, Tally, drive
from bench.measure import Pairs, alternate
from bench.people import PASSWORD
from bench.report import Goal, Row, milliseconds, per_second
from bench.rows.mail import Sink, deliver
from bench.servers import Web
from bench.sides import Floor, Ours
from bench.stage import Stage

CORES = os.cpu_count() or 1
# Enough to keep every core busy while some answers are on their way.
_CLIENTS = 2 * CORES
_FLOOD = 64
_PEOPLE = 200
_PATIENCE = 600.0  # seconds
_SLOW_MAIL = 2.0  # seconds a mail


def blank_form(web: Web, path: str) -> tuple[str, str]:
    """The cookie and the token of a browser that has opened a form, before the clock runs."""
    forms: list[tuple[str, str]] = []

    def step() -> Step:
        answer = yield get(path)
        forms.append((answer.cookie, answer.csrf_token))

    drive(web.port, _PATIENCE, Crowd("form", 1, step, limit=1))
    return forms[0]


def _register(stage: Stage, ours: Ours) -> Crowd:
    """AccountSearch who sign up with the form they have open."""
    cookie, token = blank_form(ours.many, "/register")
    names = stage.names()

    def step() -> Step:
        email = f"{next(names)}@example.org"
        fields = {"email": email, "password": PASSWORD, "confirm": PASSWORD, "csrf_token": token}
        answer = yield post("/register", fields, cookie)
        answer.expect(302)

    return Crowd("register", _CLIENTS, step, limit=stage.effort.hashes)


def _floor_register(stage: Stage) -> Crowd:
    names = stage.names()

    def step() -> Step:
        fields = {"email": f"{next(names)}@example.org", "password": PASSWORD}
        answer = yield post("/register", fields)
        answer.expect(302)

    return Crowd("register", _CLIENTS, step, limit=stage.effort.hashes)


def _signing_in(ours: Ours, *statuses: int) -> Callable[[], Step]:
    """AccountSearch with confirmed accounts who sign in, each once in a while."""
    cookie, token = blank_form(ours.many, "/login")
    people = itertools.cycle(ours.people(_PEOPLE, confirmed=True))

    def step() -> Step:
        fields = {"email": next(people).email, "password": PASSWORD, "csrf_token": token}
        answer = yield post("/login", fields, cookie)
        answer.expect(*statuses)

    return step


def _reader(cookie: str) -> Crowd:
    """Somebody else, who opens ten pages a second."""

    def step() -> Step:
        answer = yield get("/", cookie)
        answer.expect(200)

    return Crowd("page", 1, step, pause=0.1)


def registering(stage: Stage, ours: Ours, floor: Floor) -> Iterator[Row]:
    """A form is sent, an account is made, a browser is signed in; nobody delivers mail."""
    mine, bare = _register(stage, ours), _floor_register(stage)
    pairs = _rates(stage, (floor.many, bare), (ours.many, mine))
    yield _throughput("register", pairs, 95)


def registering_with_slow_mail(stage: Stage, ours: Ours, floor: Floor) -> Iterator[Row]:
    """The same while our worker delivers to a server that takes 2 s a mail."""
    (reader,) = ours.people(1, confirmed=True)
    (bare_reader,) = floor.people(1)
    mine = (_register(stage, ours), _reader(ours.cookie(reader)))
    bare = (_floor_register(stage), _reader(floor.cookie(bare_reader)))
    rounds: dict[str, list[dict[str, Tally]]] = {"floor": [], "ours": []}

    def rate(side: str, web: Web, crowds: tuple[Crowd, ...]) -> float:
        tallies = drive(web.port, _PATIENCE, *crowds)
        rounds[side].append(tallies)
        return tallies["register"].rate

    with Sink(stage, _SLOW_MAIL) as sink, deliver(stage, ours, sink):
        pairs = alternate(
            partial(rate, "floor", floor.many, bare),
            partial(rate, "ours", ours.many, mine),
            stage.effort.rounds,
        )
    yield _throughput("register, mail server takes 2 s a mail", pairs, 95)
    pages = {side: [tallies["page"].p95 for tallies in rounds[side][1:]] for side in rounds}
    yield _slower("others' page meanwhile, p95", pages["floor"], pages["ours"], 1.1)


def signing_in(stage: Stage, ours: Ours, floor: Floor) -> Iterator[Row]:
    """Beside what bcrypt alone reaches on all cores."""
    del floor
    number = stage.effort.hashes
    crowd = Crowd("sign in", _CLIENTS, _signing_in(ours, 302), limit=number)
    pairs = alternate(
        lambda: hashes_alone(number, ours.hash_rounds),
        lambda: drive(ours.many.port, _PATIENCE, crowd)[crowd.kind].rate,
        stage.effort.rounds,
    )
    yield _throughput("sign in (floor: bcrypt alone)", pairs, 97)


def hashes_alone(number: int, rounds: int) -> float:
    """Password checks a second, on as many threads as there are cores: bcrypt leaves the lock."""
    stored = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(rounds))
    began = monotonic()
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(lambda _: bcrypt.checkpw(PASSWORD.encode(), stored), range(number)))
    return number / (monotonic() - began)


def flooding(stage: Stage, ours: Ours, floor: Floor) -> Iterator[Row]:
    """A signed-in page while 64 sign in at once, beside the same page when nobody does."""
    del floor  # compared with our own quiet
    (reader,) = ours.people(1, confirmed=True)
    # It may be turned away: that is what keeps the page fast.
    crowd = Crowd("sign in", _FLOOD, _signing_in(ours, 302, 503), flood=True)
    page = _reader(ours.cookie(reader))
    port, seconds = ours.many.port, stage.effort.flood_seconds
    quiet, flooded = [], []
    for _ in range(stage.effort.flood_rounds):
        quiet.append(drive(port, seconds, page)["page"].p95)
        flooded.append(drive(port, seconds, page, crowd)["page"].p95)
    yield _slower("signed-in page during 64 sign-ins, p95 (floor: quiet)", quiet, flooded, 5)


def _rates(stage: Stage, floor: tuple[Web, Crowd], ours: tuple[Web, Crowd]) -> Pairs:
    def rate(web: Web, crowd: Crowd) -> float:
        return drive(web.port, _PATIENCE, crowd)[crowd.kind].rate

    return alternate(partial(rate, *floor), partial(rate, *ours), stage.effort.rounds)


def _throughput(name: str, pairs: Pairs, percent: int) -> Row:
    floor, ours = per_second(pairs.floor), per_second(pairs.ours)
    return Row(name, floor, ours, pairs.ratio, "%", Goal(at_least=percent / 100))


def _slower(name: str, floor: list[float], ours: list[float], at_most: float) -> Row:
    pairs = Pairs.of(floor, ours)
    cells = milliseconds(pairs.floor), milliseconds(pairs.ours)
    return Row(name, *cells, pairs.ratio, "x", Goal(at_most=at_most))
