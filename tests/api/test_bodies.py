"""What the API does with bodies and requests of any shape: each refusal is problem details."""

import io
from typing import Any

import msgspec
import pytest
from flask import Flask
from werkzeug.test import TestResponse

import config
from app import create_app
from app.api.operations import OPERATIONS
from app.api.problems import PROBLEMS
from app.security import rate_limits
from app.security.attempts import StorageUnavailable
from app.users import hash_queue
from app.users.hash_queue import HashQueueFull
from tests.api.programs import Program
from tests.visitor import PASSWORD, Visitor

SESSION = "/api/v1/session"
FACTORS = "/account/second-factors"
RIGHT = {"email": "ada@example.com", "password": PASSWORD}


def _sent(app: Flask, text: bytes | str, kind: str = "application/json") -> TestResponse:
    return app.test_client().post(SESSION, data=text, content_type=kind)


def _assert_problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert answer.mimetype == "application/problem+json"
    details: dict[str, Any] = answer.get_json(force=True)
    assert (answer.status_code, details["status"], details["code"]) == (status, status, code)
    assert details.keys() - {"errors"} == {
        *("type", "title", "status", "code", "detail", "request_id")
    }
    assert details["request_id"] == answer.headers["X-Request-ID"]
    assert details["type"].endswith(f"/api/docs#{code}")
    assert PROBLEMS[code].status == status
    return details


def _nested(levels: int) -> str:
    """A body with so many levels of arrays and objects."""
    return '{"email": ' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


@pytest.mark.parametrize(
    "text",
    [
        *("{", "", "x", "{'a': 1}", '{"a": 1,}', '{"a": 1} {"b": 2}', '{"a": 01}'),
        *('{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', '{"a": 1e999}'),
        *('{"email": "a", "email": "b"}', '{"b": {"c": 1, "c": 1}}', '{"a": 1, "\\u0061": 2}'),
        *(b'{"a": "\xff"}', b"\xef\xbb\xbf{}", '{"a": 1}'.encode("utf-16")),
        *('{"a": "\\ud800"}', '{"\\udfff": 1}', '{"a": ' + "9" * 5000 + "}"),
        *(_nested(21), "[" * 30_000, '{"a":' * 10_000),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_not_strictly_json_is_refused(app: Flask, text: bytes | str) -> None:
    _assert_problem(_sent(app, text), 400, "body_invalid")


def test_an_operation_without_required_fields_takes_an_empty_body(app: Flask) -> None:
    """Many programs send `Content-Type: application/json` with every request."""
    client, headers = app.test_client(), {"Content-Type": "application/json"}
    assert client.delete("/api/v1/session", headers=headers).status_code == 204
    answer = client.post("/api/v1/confirmation", headers=headers)
    assert _assert_problem(answer, 422, "fields_invalid")["errors"][0]["code"] == "required"


def test_twenty_levels_are_read(app: Flask) -> None:
    details = _assert_problem(_sent(app, _nested(20)), 422, "fields_invalid")
    assert {error["field"] for error in details["errors"]} == {"email", "password"}


@pytest.mark.parametrize("text", ["[]", '"x"', "1", "null", "true"])
def test_the_body_must_be_an_object(app: Flask, text: str) -> None:
    details = _assert_problem(_sent(app, text), 422, "fields_invalid")
    assert details["errors"] == [
        {"field": "", "code": "wrong_type", "detail": "The body must be an object."}
    ]


@pytest.mark.parametrize("wrong", [None, 1, 1.5, True, [], {}, ["x"], {"$gt": ""}])
def test_each_field_of_a_wrong_type_is_named(app: Flask, wrong: Any) -> None:
    answer = app.test_client().post(SESSION, json={"email": wrong, "password": wrong})
    details = _assert_problem(answer, 422, "fields_invalid")
    named = [(error["field"], error["code"]) for error in details["errors"]]
    assert named == [("email", "wrong_type"), ("password", "wrong_type")]


def test_each_missing_field_is_named(app: Flask) -> None:
    details = _assert_problem(app.test_client().post(SESSION, json={}), 422, "fields_invalid")
    named = [(error["field"], error["code"]) for error in details["errors"]]
    assert named == [("email", "required"), ("password", "required")]


def test_every_operation_names_each_field_of_a_wrong_type(ada: Program) -> None:
    """Neither an error of ours nor a value that is taken for another one."""
    for one in OPERATIONS.values():
        if one.body is None:
            continue
        fields = msgspec.structs.fields(one.body)
        path = one.path.replace("<string(length=16):handle>", "0" * 16)
        wrong = {field.name: [{"$gt": ""}] for field in fields}
        details = _assert_problem(ada.call(one.method, path, json=wrong), 422, "fields_invalid")
        named = {error["field"]: error["code"] for error in details["errors"]}
        assert named == dict.fromkeys(wrong, "wrong_type"), path


_LINKS = [
    *("/confirmation", "/confirmation/mail", "/confirmation/disown", "/password/reset"),
    *("/email/confirm", "/email/undo", "/second-factors/reset", "/second-factors/keep"),
]


@pytest.mark.parametrize("path", _LINKS)
@pytest.mark.parametrize("token", ["x" * 60_000, "\x00", "é", "a.b.c", "../..", "😀"])
def test_a_token_of_any_shape_is_a_damaged_link(app: Flask, path: str, token: str) -> None:
    body = {"token": token, "password": PASSWORD}
    _assert_problem(app.test_client().post(f"/api/v1{path}", json=body), 410, "link_damaged")


_ANSWER = {"clientDataJSON": "AA", "authenticatorData": "AA", "signature": "AA"}


@pytest.mark.parametrize(
    "credential",
    [
        *({}, {"id": 1}, {"id": "x", "response": 5}, "", "x", "[]", "null", "{" * 3000),
        {"id": "AA", "rawId": "AA", "type": "public-key", "response": {}},
        {"id": "AA", "rawId": "AA", "type": "public-key", "response": {key: [] for key in _ANSWER}},
        {"id": "é\0", "rawId": "é", "type": "public-key", "response": dict.fromkeys(_ANSWER, "é")},
        {"id": "AA", "rawId": "AA", "type": "public-key", "response": {"attestationObject": "oA"}},
    ],
    ids=lambda credential: str(credential)[:30],
)
def test_an_answer_of_a_passkey_of_any_shape_is_refused(ada: Program, credential: Any) -> None:
    new = f"{FACTORS}/passkeys"
    for path, options in (
        ("/session/passkey", "/session/passkey/options"),
        (new, f"{new}/options"),
    ):
        ticket = ada.post(options).get_json()["ticket"]
        answer = ada.post(path, ticket=ticket, credential=credential)
        _assert_problem(answer, 422, "passkey_refused")


def test_unknown_fields_are_ignored(app: Flask) -> None:
    body = RIGHT | {"admin": True, "confirmed": True, "_id": 1, "token_version": 7}
    answer = app.test_client().post("/api/v1/accounts", json=body)
    assert answer.status_code == 201
    account = answer.get_json()["account"]
    assert not account["admin"]
    assert not account["confirmed"]


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_json_is_read(app: Flask, kind: str) -> None:
    answer = _sent(app, '{"email": "ada@example.com", "password": "x"}', kind)
    _assert_problem(answer, 401, "credentials_wrong")


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
        *("application/merge-patch+json", "text/json", "application/xml", "x"),
    ],
)
def test_another_media_type_is_refused(app: Flask, kind: str) -> None:
    _assert_problem(_sent(app, '{"email": "a"}', kind), 415, "media_type_unsupported")


def test_a_body_without_a_media_type_is_refused(app: Flask) -> None:
    answer = app.test_client().post(SESSION, data=b"{}")
    _assert_problem(answer, 415, "media_type_unsupported")


def test_a_large_body_is_refused_however_it_is_sent(app: Flask) -> None:
    text = b'{"email": "' + b"x" * 65_600 + b'"}'
    _assert_problem(_sent(app, text), 413, "body_too_large")
    chunked = app.test_client().post(
        SESSION,
        input_stream=io.BytesIO(text),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    _assert_problem(chunked, 413, "body_too_large")


def test_unknown_paths_and_methods_are_problems_too(app: Flask) -> None:
    client = app.test_client()
    for path in ("/api/v1/nothing", "/api/v1/", "/api/v1", "/api/v1/account/"):
        _assert_problem(client.get(path), 404, "not_found")
    answer = client.put(SESSION, json={})
    _assert_problem(answer, 405, "method_not_allowed")
    allowed = {method.strip() for method in answer.headers["Allow"].split(",")}
    assert allowed == {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}


def test_an_id_of_another_shape_is_not_found(app: Flask) -> None:
    answer = app.test_client().delete("/api/v1/account/sessions/x", json={})
    _assert_problem(answer, 404, "not_found")


def test_too_many_cookies_are_a_problem(app: Flask) -> None:
    client = app.test_client(use_cookies=False)
    answer = client.get(SESSION, headers={"Cookie": f"a={'x' * 9000}"})
    _assert_problem(answer, 431, "headers_too_large")


def test_a_full_hash_queue_says_when_to_try_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise HashQueueFull

    monkeypatch.setattr(hash_queue.current, "check", full)
    answer = app.test_client().post(SESSION, json=RIGHT)
    _assert_problem(answer, 503, "busy")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_database_that_is_away_is_a_problem_that_says_when_to_try_again(
    app: Flask,
) -> None:
    token = Program(app).register("ada@example.com").get_json()["token"]
    settings = config.load(
        {
            "APP_SETTINGS": "config.TestingConfig",
            "MONGODB_URI": "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=50",
        }
    )
    answer = (
        create_app(settings)
        .test_client()
        .get("/api/v1/account", headers={"Authorization": f"Bearer {token}"})
    )
    _assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_without_a_place_to_count_attempts_nothing_is_tried(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_attempts: Any) -> None:
        raise StorageUnavailable("away")

    monkeypatch.setattr(rate_limits, "check", away)
    answer = app.test_client().post(SESSION, json=RIGHT)
    _assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_our_own_error_is_a_problem_without_details(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.testing = False
    monkeypatch.setattr("app.api.session.flow.sign_in", _fails)
    details = _assert_problem(app.test_client().post(SESSION, json=RIGHT), 500, "internal_error")
    assert "secret words" not in str(details)


def _fails(*_arguments: Any, **_options: Any) -> None:
    raise RuntimeError("secret words")


def test_limits_are_those_of_the_pages(app: Flask) -> None:
    """Ten wrong passwords through the API also stop the form."""
    Visitor(app).register("ada@example.com")
    program = Program(app)
    for _try in range(10):
        assert program.sign_in("ada@example.com", "wrong").status_code == 401
    answer = program.sign_in("ada@example.com")
    _assert_problem(answer, 429, "too_many_attempts")
    assert int(answer.headers["Retry-After"]) > 0
    assert Visitor(app).sign_in("ada@example.com").status_code == 429
