"""Liveness and readiness for load balancers and operators."""

from datetime import timedelta

import pytest
from flask import Flask

import config
from app import create_app
from app.mongo import current_mongo, outbox
from app.users import indexes
from app.users.clock import utcnow
from app.users.refusals import Trouble
from tests.conftest import MakeApp
from tests.visitor import Visitor


def _app(uri: str) -> Flask:
    return create_app(config.load({"APP_SETTINGS": "config.TestingConfig", "MONGODB_URI": uri}))


def test_liveness_is_ok(visitor: Visitor) -> None:
    answer = visitor.get("/health/live")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_readiness_is_ok_and_sets_no_cookie(visitor: Visitor) -> None:
    visitor.register("ada@example.com")
    answer = visitor.get("/health/ready")
    assert answer.status_code == 200
    mail = answer.get_json()["mail"]
    assert answer.json == {"status": "ok", "problems": [], "mail": mail}
    assert mail == {"due": 1, "oldest_due_seconds": mail["oldest_due_seconds"], "blocked": None}
    assert 0 <= mail["oldest_due_seconds"] < 30
    assert "Set-Cookie" not in answer.headers


def test_without_a_database_the_app_is_alive_but_not_ready_and_shows_no_secret() -> None:
    uri = "mongodb://operator:s3cret-pass@127.0.0.1:1/latchkey?timeoutMS=200"
    visitor = Visitor(_app(uri))
    assert visitor.get("/health/live").status_code == 200
    answer = visitor.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json == {
        "status": "unready",
        "problems": ["mongodb: does not answer"],
        "mail": None,
    }


def test_readiness_names_missing_indexes_until_they_are_made(real_uri: str) -> None:
    app = _app(real_uri)
    visitor = Visitor(app)
    answer = visitor.get("/health/ready")
    assert answer.status_code == 503
    names = [index.name for index in indexes.INDEXES] + ["schema validator"]
    problems = answer.get_json()["problems"]
    assert [problem.partition(":")[0] for problem in problems] == names
    assert all("scripts/create_indexes.py" in problem for problem in problems)

    with app.app_context():
        list(indexes.apply(current_mongo().database))
    assert visitor.get("/health/ready").status_code == 200


def test_readiness_names_an_index_that_differs(make_app: MakeApp, real_uri: str) -> None:
    app = make_app(MONGODB_URI=real_uri)
    with app.app_context():
        current_mongo().users.drop_index("email_key")
        current_mongo().users.create_index([("email_key", 1)], name="email_key")
    answer = Visitor(app).get("/health/ready")
    assert answer.status_code == 503
    (problem,) = answer.get_json()["problems"]
    assert problem.startswith("email_key: not as declared")


def test_readiness_names_keys_that_are_not_set(app: Flask) -> None:
    app.config.update(SECRET_KEY="", SECURITY_PASSWORD_SALT=None)
    answer = Visitor(app).get("/health/ready")
    assert answer.status_code == 503
    assert answer.get_json()["problems"] == [
        "SECRET_KEY: not set",
        "SECURITY_PASSWORD_SALT: not set",
    ]


@pytest.mark.parametrize(
    ("words", "trouble", "expected"),
    [
        (
            "550 5.7.1 we know no ops@mail.internal",
            Trouble.REFUSED,
            "refuses our login, sender or messages (550)",
        ),
        (
            "550 5.1.1 <ada@mail.internal> unknown",
            Trouble.ALIKE,
            "unrelated domains with the same words (550)",
        ),
        ("535 5.7.8 no such user ops@mail.internal", Trouble.SIGN_IN, "let us sign in (535)"),
        ("No suitable method at mail.internal", Trouble.SIGN_IN, "let us sign in;"),
        (
            "certificate verify failed: Hostname mismatch, not valid for 'mail.internal'",
            Trouble.CERTIFICATE,
            "certificate is not trusted",
        ),
        ("[SSL] wrong version number mail.internal", Trouble.ENCRYPTION, "does not support TLS"),
        ("mail.internal: timed out", Trouble.UNREACHABLE, "cannot be reached"),
    ],
)
def test_blocked_mail_is_reported_without_the_servers_words(
    visitor: Visitor, app: Flask, words: str, trouble: Trouble, expected: str
) -> None:
    visitor.register("ada@example.com")
    with app.app_context():
        claim = outbox.lease(utcnow(), timedelta(minutes=1))
        assert claim
        outbox.block(claim, utcnow(), utcnow(), words, trouble)
    answer = visitor.get("/health/ready")
    assert answer.status_code == 200, "pages work without mail"
    assert expected in answer.get_json()["mail"]["blocked"]
    assert "internal" not in answer.text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("535 5.7.8 no such user ops@mail.internal", "messages (535)"),
        ("certificate verify failed: mail.internal", "certificate is not trusted"),
        ("STARTTLS extension not supported by mail.internal", "does not offer"),
    ],
)
def test_what_the_version_before_has_stored_of_blocked_mail_is_reported_too(
    visitor: Visitor, app: Flask, words: str, expected: str
) -> None:
    visitor.register("ada@example.com")
    stored = {"outbox.0.trouble": words, "outbox.0.blocked": True}
    with app.app_context():
        current_mongo().users.update_one({}, {"$set": stored})
    answer = visitor.get("/health/ready")
    assert expected in answer.get_json()["mail"]["blocked"]
    assert "internal" not in answer.text


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_needs_no_sign_in(confirmed: Visitor, path: str) -> None:
    assert confirmed.get(path).status_code == 200
    assert confirmed.client.head(path).status_code == 200
    assert confirmed.client.post(path).status_code == 405
