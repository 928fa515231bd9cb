"""The MongoDB commands of a request to the served app, as MongoDB's profiler counts them."""

from collections.abc import Iterator
from functools import partial

from bench.http import get, post
from bench.load import Crowd, Step, drive
from bench.measure import Spread
from bench.people import PASSWORD
from bench.report import Goal, Row
from bench.rows.hashes import blank_form
from bench.rows.pages import open_and_press
from bench.rows.scale import costs
from bench.sides import Ours, Sides
from bench.stage import Stage

# tests/test_commands.py asserts these numbers, and those of many more steps.
_COUNTED = {
    "form page, anonymous": 0,
    "register": 1,
    "signed-in page": 1,
    "sign in": 2,
    "link opened and pressed": 3,
}


def counting(stage: Stage, sides: Sides) -> Iterator[Row]:
    """Each step once."""
    ours = sides.ours
    steps = {name: partial(_once, ours, step) for name, step in _steps(stage, ours).items()}
    for name, cost in costs(ours.users, steps).items():
        found, goal = Spread((float(cost.commands),)), Goal(at_most=_COUNTED[name])
        yield Row(f"MongoDB commands, {name}", "", str(cost), found, "", goal)


def _once(ours: Ours, step: Step) -> object:
    return drive(ours.many.port, 1, Crowd("once", 1, lambda: step, limit=1))


def _steps(stage: Stage, ours: Ours) -> dict[str, Step]:
    (settled,) = ours.people(1, confirmed=True)
    (waiting,) = ours.people(1, confirmed=False)
    cookie, token = blank_form(ours.many, "/register")
    sign_in = {"email": settled.email, "password": PASSWORD, "csrf_token": token}
    sign_up = {**sign_in, "email": f"{next(stage.names())}@example.org", "confirm": PASSWORD}
    return {
        "form page, anonymous": _sent(get("/login"), 200),
        "register": _sent(post("/register", sign_up, cookie), 302),
        "signed-in page": _sent(get("/", ours.cookie(settled)), 200),
        "sign in": _sent(post("/login", sign_in, cookie), 302),
        "link opened and pressed": open_and_press(
            iter([(ours.link(waiting), ours.cookie(waiting))])
        ),
    }


def _sent(request: bytes, status: int) -> Step:
    answer = yield request
    answer.expect(status)
