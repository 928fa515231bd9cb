"""Idempotency-Key: a repeated request gets the first answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from app.api import idempotency
from app.flows.results import Busy
from app.mongo import current_mongo
from app.users.clock import utcnow
from scripts.mongod import Mongod
from tests.api.programs import BrowserApp, Program
from tests.commands import commands
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.planted_factors import confirmed_in
from tests.visitor import PASSWORD

ADA = {"email": "ada@example.com", "password": PASSWORD}
KEY = "a-key-of-a-phone"


def _post(
    program: Program, path: str, body: dict[str, Any], key: str = KEY, **headers: str
) -> TestResponse:
    return program.call("POST", path, json=body, headers={"Idempotency-Key": key, **headers})


def _code(answer: TestResponse) -> str:
    code: str = answer.get_json()["code"]
    return code


def _stored(app: Flask) -> list[dict[str, Any]]:
    with app.app_context():
        return list(current_mongo().database["idempotency"].find())


def test_a_registration_that_is_repeated_gets_the_first_answer_and_no_second_mail(
    app: Flask, mailbox: Mailbox
) -> None:
    program = Program(app)
    first, again = _post(program, "/accounts", ADA), _post(program, "/accounts", ADA)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.mimetype == "application/json"
    program.take(again)
    assert program.get("/account").status_code == 200
    assert len(mailbox.subjects("ada@example.com")) == 1


def test_an_answer_without_a_body_is_repeated_too(app: Flask, mailbox: Mailbox) -> None:
    program = Program(app)
    program.register("ada@example.com")
    for _try in range(2):
        answer = _post(program, "/password/forgot", {"email": "ada@example.com"})
        assert (answer.status_code, answer.data) == (202, b"")
        assert "Content-Type" not in answer.headers
    # The mail to confirm and one to choose a new password.
    assert len(mailbox.subjects("ada@example.com")) == 2


def test_a_refusal_is_repeated_with_its_words(app: Flask) -> None:
    program, wrong = Program(app), {"code": "123456"}
    program.register("ada@example.com")
    first, again = _post(program, "/confirmation", wrong), _post(program, "/confirmation", wrong)
    assert first.status_code == 422
    assert again.data == first.data
    assert again.mimetype == "application/problem+json"


def test_refusals_of_strangers_are_not_stored(app: Flask) -> None:
    """No limit bounds them, so a flood of weak passwords would fill the database."""
    program = Program(app)
    for key in ("first", "second"):
        answer = _post(program, "/accounts", ADA | {"password": "password"}, key)
        assert answer.status_code == 422
    assert _stored(app) == []


def test_a_repeated_401_names_the_scheme_too(app: Flask) -> None:
    for _try in range(2):
        answer = _post(Program(app), "/session", ADA)
        assert (answer.status_code, _code(answer)) == (401, "credentials_wrong")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_another_body_with_the_same_key_is_refused(app: Flask) -> None:
    program = Program(app)
    _post(program, "/accounts", ADA)
    answer = _post(program, "/accounts", ADA | {"device": "x"})
    assert (answer.status_code, _code(answer)) == (422, "idempotency_key_reused")


def test_a_key_is_bound_to_the_path_the_account_and_the_client(app: Flask) -> None:
    ada, bob = Program(app), Program(app)
    first = _post(ada, "/accounts", ADA)
    other_path = _post(ada, "/session", ADA)
    other_client = app.test_client().post(
        "/api/v1/accounts",
        json=ADA,
        headers={"Idempotency-Key": KEY},
        environ_overrides={"REMOTE_ADDR": "192.0.2.7"},
    )
    assert first.status_code == other_path.status_code == other_client.status_code == 201
    assert len({first.data, other_path.data, other_client.data}) == 3
    ada.take(other_client)
    bob.register("bob@example.com")
    for program in (ada, bob):
        assert _post(program, "/confirmation/mail", {}).status_code == 429  # each its own
    assert len(_stored(app)) == 3


def test_while_the_first_request_runs_a_second_one_is_told_so(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, answers = Program(app), []
    register = idempotency._run

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(idempotency, "_run", register)
        answers.append(_post(Program(app), "/accounts", ADA))
        return register(*arguments)

    monkeypatch.setattr(idempotency, "_run", meanwhile)
    assert _post(program, "/accounts", ADA).status_code == 201
    assert (answers[0].status_code, _code(answers[0])) == (409, "idempotency_key_in_use")
    assert int(answers[0].headers["Retry-After"]) > 0


def test_a_request_whose_process_died_can_be_repeated(app: Flask) -> None:
    program = Program(app)
    _post(program, "/accounts", ADA)
    with app.app_context():
        current_mongo().database["idempotency"].update_many({}, {"$unset": {"answer": ""}})
    assert _post(program, "/accounts", ADA).status_code == 409
    with time_machine.travel(utcnow() + timedelta(minutes=2), tick=False):
        assert _post(program, "/accounts", ADA).status_code == 201
        assert _post(program, "/accounts", ADA).status_code == 201


def test_an_answer_is_kept_for_a_day(app: Flask) -> None:
    program = Program(app)
    first = _post(program, "/accounts", ADA)
    with time_machine.travel(utcnow() + timedelta(hours=23), tick=False):
        assert _post(program, "/accounts", ADA).data == first.data
    with time_machine.travel(utcnow() + timedelta(hours=25), tick=False):
        assert _post(program, "/accounts", ADA).data != first.data


def test_a_limit_is_not_kept(make_app: MakeApp) -> None:
    program = Program(make_app(RESEND_COOLDOWN="60"))
    program.register("ada@example.com")
    assert _post(program, "/confirmation/mail", {}).status_code == 429
    with time_machine.travel(utcnow() + timedelta(minutes=2), tick=False):
        assert _post(program, "/confirmation/mail", {}).status_code == 202


def test_an_error_is_not_kept(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program(app)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with monkeypatch.context() as broken:
        broken.setattr("app.api.accounts.registration.register", lambda *_: 1 / 0)
        assert _post(program, "/accounts", ADA).status_code == 500
    assert _stored(app) == []
    assert _post(program, "/accounts", ADA).status_code == 201


def test_being_busy_is_not_kept(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program(app)
    with monkeypatch.context() as busy:
        busy.setattr("app.api.accounts.registration.register", lambda *_: Busy())
        assert _post(program, "/accounts", ADA).status_code == 503
    assert _stored(app) == []
    assert _post(program, "/accounts", ADA).status_code == 201


@pytest.mark.parametrize("kind", [Program, BrowserApp], ids=["token", "cookie"])
def test_repeating_a_sign_in_does_not_undo_signing_out(app: Flask, kind: type[Program]) -> None:
    confirmed_in(app, ADA["email"])
    program = kind(app)
    headers = program.headers()
    before = program.client.get_cookie("session") if program.cookie else None
    body = ADA | {"cookie": program.cookie}
    first = program.take(_post(program, "/session", body, **headers))
    assert first.status_code == 201
    assert program.get("/account").status_code == 200
    assert program.call("DELETE", "/session").status_code == 204
    program.token = ""
    if before:
        program.client.set_cookie("session", before.value)
    again = program.take(_post(program, "/session", body, **headers))
    assert (again.status_code, again.data) == (201, first.data)
    assert program.get("/account").status_code == 401


def test_a_repeated_request_needs_a_proof_too(app: Flask) -> None:
    confirmed_in(app, ADA["email"])
    program, path = Program(app), "/account/second-factors/totp"
    program.sign_in(ADA["email"])
    secret = _post(program, path, {}).get_json()["secret"]
    assert _post(program, path, {}).get_json()["secret"] == secret
    assert secret not in str(_stored(app))
    with time_machine.travel(utcnow() + timedelta(minutes=11), tick=False):
        assert _code(_post(program, path, {})) == "proof_required"


def test_neither_the_key_nor_the_token_is_stored(app: Flask) -> None:
    program = Program(app)
    token = _post(program, "/accounts", ADA).get_json()["token"]
    (stored,) = _stored(app)
    for secret in (KEY, token, *token.split("."), "ada@example.com"):
        assert secret not in str(stored)


def test_after_a_new_secret_key_the_old_answer_is_still_readable(make_app: MakeApp) -> None:
    old, new = "o" * 40, "n" * 40
    app = make_app(SECRET_KEY=old)
    first = _post(Program(app), "/accounts", ADA)
    app.config["SECRET_KEY"], app.config["SECRET_KEY_FALLBACKS"] = new, [old]
    assert _post(Program(app), "/accounts", ADA).data == first.data


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\tb"])
def test_a_key_of_another_shape_is_refused(app: Flask, key: str) -> None:
    answer = _post(Program(app), "/accounts", ADA, key.encode().decode("latin-1"))
    assert (answer.status_code, _code(answer)) == (400, "idempotency_key_invalid")


def test_a_browser_gets_its_cookie_again(app: Flask) -> None:
    browser = BrowserApp(app)
    body = ADA | {"cookie": True}
    token = browser.headers()["X-CSRF-Token"]
    before = browser.client.get_cookie("session")
    assert before
    headers = {"X-CSRF-Token": token}
    first = _post(browser, "/accounts", body, **headers)
    # The answer got lost: the browser has the cookie of before.
    browser.client.set_cookie("session", before.value)
    again = _post(browser, "/accounts", body, **headers)
    assert (first.status_code, again.status_code, again.data) == (201, 201, first.data)
    account = browser.get("/account")
    assert account.get_json()["email"] == "ada@example.com"


def test_a_repeated_request_costs_one_command_and_the_first_one_two_more(
    make_app: MakeApp, mongod: Mongod, real_uri: str
) -> None:
    app = make_app(MONGODB_URI=real_uri)

    def counted(send: Callable[[], TestResponse]) -> int:
        with commands.recorded() as sent:
            assert send().status_code == 202
        return len(sent)

    program, body = Program(app), {"email": "ada@example.com"}
    plain = counted(lambda: program.post("/password/forgot", **body))
    first = counted(lambda: _post(program, "/password/forgot", body))
    again = counted(lambda: _post(program, "/password/forgot", body))
    assert (first - plain, again) == (2, 1)
