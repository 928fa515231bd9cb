"""Logs have no tokens of links, no passwords and no mailboxes."""

import logging

import pytest
from flask import Flask

import config
from app import create_app
from app.observability.logs import redact
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor
from tests.web.pages import PRODUCTION

TOKEN = "WyI2NTAx.ZzQ-aA.AbC_123-xyz"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"/confirm/{TOKEN}", "/confirm/-"),
        (f"/confirm/{TOKEN}/disown", "/confirm/-"),
        (f"/confirm/{TOKEN}?utm=1", "/confirm/-?utm=1"),
        (f"/reset/{TOKEN}", "/reset/-"),
        (f"/email/confirm/{TOKEN}", "/email/confirm/-"),
        (f"/email/undo/{TOKEN}", "/email/undo/-"),
        (f"/factors/reset/{TOKEN}", "/factors/reset/-"),
        (f"/factors/keep/{TOKEN}", "/factors/keep/-"),
        (f"/login?next=%2Ffactors%2Fkeep%2F{TOKEN}", "/login?next=%2Ffactors%2Fkeep%2F-"),
        (f"https://app.example.org/confirm/{TOKEN}#x", "https://app.example.org/confirm/-#x"),
        (f'"GET /confirm/{TOKEN} HTTP/1.1" 200', '"GET /confirm/- HTTP/1.1" 200'),
        (f"GET /confirm/{TOKEN} and /reset/{TOKEN}", "GET /confirm/- and /reset/-"),
        (f"/login?next=%2Fconfirm%2F{TOKEN}", "/login?next=%2Fconfirm%2F-"),
        (f"/login?next=%252Femail%252Fundo%252F{TOKEN}", "/login?next=%252Femail%252Fundo%252F-"),
        (f"/login?next=%2freset%2f{TOKEN}&x=1", "/login?next=%2freset%2f-"),
        ("550 <ada+x@example.com>: no such mailbox", "550 <-@example.com>: no such mailbox"),
        ("mongodb://operator:s3cret@db.example.org/x", "mongodb://operator:-@db.example.org/x"),
        ("/profile", "/profile"),
        ("/confirm/", "/confirm/"),
        ("the address is confirmed", "the address is confirmed"),
    ],
)
def test_redacting_removes_tokens_mailboxes_and_passwords_and_keeps_the_rest(
    text: str, expected: str
) -> None:
    assert redact(text) == expected


def test_redacting_twice_is_the_same_as_once() -> None:
    assert redact(redact(f"/confirm/{TOKEN}")) == "/confirm/-"


@pytest.mark.parametrize("part", ["x", "%25", "/confirm/", "@", "x@", "%252F"])
def test_redacting_reads_a_long_line_once(part: str) -> None:
    """If each position scanned the rest of the line, this would take longer than pytest allows."""
    line = part * 1_000_000
    assert len(redact(line)) <= len(line)


def test_the_log_of_an_unexpected_error_has_no_token(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def crash(token: str) -> str:
        raise ZeroDivisionError

    app.view_functions["auth.reset"] = crash
    assert Visitor(app).get(f"/reset/{TOKEN}").status_code == 500
    assert "/reset/-" in caplog.text
    assert TOKEN not in caplog.text


def test_the_log_of_a_whole_journey_has_no_token_and_no_password(
    app: Flask, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    visitor = Visitor(app)
    visitor.register("ada@example.com")
    link = mailbox.newest("ada@example.com").link
    visitor.get(link)
    visitor.submit(link)
    visitor.get(link)
    visitor.sign_out()
    visitor.sign_in("ada@example.com", "not the password")
    visitor.sign_in("ada@example.com")
    token = link.rpartition("/")[2]
    assert token not in caplog.text
    assert token.rpartition(".")[2] not in caplog.text
    assert PASSWORD not in caplog.text
    assert "not the password" not in caplog.text


def test_production_warns_about_a_bcrypt_cost_below_10(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    create_app(config.load(PRODUCTION | {"BCRYPT_LOG_ROUNDS": "9"}))
    assert "BCRYPT_LOG_ROUNDS" in caplog.text
    caplog.clear()
    create_app(config.load(PRODUCTION | {"BCRYPT_LOG_ROUNDS": "10"}))
    make_app(BCRYPT_LOG_ROUNDS="4")
    assert "BCRYPT_LOG_ROUNDS" not in caplog.text
