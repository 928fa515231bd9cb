"""The pages and the API count together: what uses up a limit on one face stops the other one."""

from collections.abc import Callable
from itertools import count

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.journeys.faces import DONE, Api, ApiInBrowser, Face, Pages
from tests.planted_factors import confirmed_in, plant_app
from tests.visitor import PASSWORD

ADA, WRONG = "ada@example.com", "not the password"
LIMITED = "too_many_attempts"
# Two faces that know nothing of each other: the first one uses the limit up.
FACES = {
    "pages, then token": (Pages, Api),
    "token, then pages": (Api, Pages),
    "cookie, then token": (ApiInBrowser, Api),
}

Kinds = tuple[Callable[[Flask], Face], Callable[[Flask], Face]]
faces = pytest.mark.parametrize("kinds", FACES.values(), ids=FACES)


def _answers(step: Callable[[Face], str], app: Flask, kinds: Kinds) -> list[str]:
    """What two persons on the first face get, and then one on the second."""
    return [step(kind(app)) for kind in (kinds[0], kinds[0], kinds[1])]


@faces
def test_wrong_passwords_are_counted_together(make_app: MakeApp, kinds: Kinds) -> None:
    app = make_app(RATELIMIT_ACCOUNT="2 per hour")
    confirmed_in(app, ADA)
    answers = _answers(lambda face: face.sign_in(ADA, WRONG), app, kinds)
    assert answers == ["credentials_wrong", "credentials_wrong", LIMITED]
    assert kinds[1](app).sign_in(ADA, PASSWORD) == LIMITED


@faces
def test_registrations_are_counted_together(make_app: MakeApp, kinds: Kinds) -> None:
    app, numbers = make_app(RATELIMIT_REGISTER="2 per hour"), count()

    def register(face: Face) -> str:
        return face.register(f"person-{next(numbers)}@example.com")

    assert _answers(register, app, kinds) == [DONE, DONE, LIMITED]


@faces
def test_requests_for_a_reset_are_counted_together(make_app: MakeApp, kinds: Kinds) -> None:
    app = make_app(RATELIMIT_CLIENT="2 per hour")
    assert _answers(lambda face: face.forgot(ADA), app, kinds) == [DONE, DONE, LIMITED]


@faces
def test_mails_to_an_address_are_counted_together(make_app: MakeApp, kinds: Kinds) -> None:
    app = make_app(RATELIMIT_MAIL="2 per hour", RESEND_COOLDOWN="0")
    first, second = kinds[0](app), kinds[1](app)
    assert (first.register(ADA), first.resend()) == (DONE, DONE)
    assert second.sign_in(ADA) == DONE
    assert second.resend() == LIMITED
    assert kinds[1](app).register(ADA) == LIMITED


@faces
def test_wrong_codes_are_counted_together(make_app: MakeApp, kinds: Kinds) -> None:
    app = make_app(RATELIMIT_ACCOUNT="2 per hour")
    first, second = kinds[0](app), kinds[1](app)
    first.register(ADA)
    assert second.sign_in(ADA) == DONE
    assert [first.send_code("123456") for _ in range(2)] == ["code_wrong"] * 2
    assert second.send_code("123456") == LIMITED


@faces
def test_wrong_codes_of_a_second_step_are_counted_together(make_app: MakeApp, kinds: Kinds) -> None:
    app = make_app(RATELIMIT_ACCOUNT="2 per hour")
    confirmed_in(app, ADA)
    right, first, second = plant_app(app, ADA), kinds[0](app), kinds[1](app)
    assert first.sign_in(ADA) == second.sign_in(ADA) == "second_factor_due"
    assert [first.second_step("000000") for _ in range(2)] == ["code_wrong"] * 2
    assert second.second_step(right.code()) == LIMITED
