"""Requests to the API that arrive at the same moment, on a real mongod."""

from collections import Counter
from functools import partial

import pytest
from flask import Flask

from app.mongo import current_mongo
from tests.api.programs import Program
from tests.conftest import MakeApp
from tests.parallel import in_parallel
from tests.planted_factors import confirmed_in
from tests.visitor import PASSWORD

TAKEN, NEW = "taken@example.org", "newer@example.org"
AT_ONCE = 40


@pytest.fixture
def app(make_app: MakeApp, real_uri: str) -> Flask:
    app = make_app(MONGODB_URI=real_uri, RATELIMIT_ENABLED="false")
    confirmed_in(app, TAKEN)
    return app


@pytest.mark.parametrize("email", [TAKEN, NEW])
def test_of_many_registrations_at_once_one_token_works(app: Flask, email: str) -> None:
    """A decoy is as unique as an account, and its newest claim wins as well."""
    programs = [Program(app) for _ in range(AT_ONCE)]
    answers = in_parallel(*(partial(program.register, email) for program in programs))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.get_json()["account"]["id"] for answer in answers}) == 1
    alive = Counter(program.get("/account").status_code for program in programs)
    assert alive == {200: 1, 401: AT_ONCE - 1}


def test_of_many_requests_with_one_idempotency_key_one_is_done(app: Flask) -> None:
    def register() -> tuple[int, str]:
        answer = Program(app).call(
            "POST",
            "/accounts",
            json={"email": NEW, "password": PASSWORD},
            headers={"Idempotency-Key": "the-same"},
        )
        return answer.status_code, answer.text if answer.status_code == 201 else ""

    done = in_parallel(*[register] * AT_ONCE)
    assert {status for status, _text in done} <= {201, 409}
    texts = {text for status, text in done if status == 201}
    assert len(texts) == 1
    assert register() == (201, texts.pop())
    with app.app_context():
        account = current_mongo().users.find_one({"email_key": NEW})
    assert account
    assert account["token_version"] == 1
