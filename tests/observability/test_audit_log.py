"""The audit log has one JSON line per event, without secrets. No one can forge a line (ASVS 16)."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from app.mongo import current_mongo, users
from app.users.addresses import parse_address
from app.users.links import Purpose
from app.web.activity_lines import SENTENCES
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor
from tests.web.links import PATHS, live_tokens

ADA = "ada@example.com"
Lines = Callable[[], list[dict[str, Any]]]
Outcomes = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """The log lines since the last call. Fails if a line is not a JSON object."""

    def read() -> list[dict[str, Any]]:
        # `splitlines` splits at every character that a log shipper may read as the end of a line.
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return read


@pytest.fixture
def outcomes(lines: Lines) -> Outcomes:
    """The events since the last call, each with its outcome."""

    def read() -> list[tuple[str, str]]:
        return [(line["event"], line["outcome"]) for line in lines() if "outcome" in line]

    return read


def _account(app: Flask, email: str = ADA) -> str:
    with app.app_context():
        user = users.find_by_email(parse_address(email).key)
    assert user is not None
    return str(user.id)


def test_a_line_has_time_account_address_page_event_and_outcome(app: Flask, lines: Lines) -> None:
    with time_machine.travel(datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC), tick=False):
        answer = Visitor(app).register(ADA)
    (line,) = lines()
    assert line == {
        "time": "2030-01-02T03:04:05Z",
        "level": "info",
        "logger": "app.security",
        "event": "registered",
        "outcome": "done",
        "account": _account(app),
        "by": "self",
        "address": "127.0.0.1",
        "page": "auth.register",
        "request_id": answer.headers["X-Request-ID"],
    }


def test_each_step_from_registering_to_signing_out_is_one_event(
    app: Flask, mailbox: Mailbox, outcomes: Outcomes
) -> None:
    visitor = Visitor(app)
    visitor.register(ADA)
    assert outcomes() == [("registered", "done")]
    visitor.submit("/resend", on="/unconfirmed")
    assert outcomes() == [("limit_hit", "refused")]
    link = mailbox.newest(ADA).link
    assert outcomes() == [("letter_sent", "done")]
    visitor.submit("/unconfirmed/code", on="/unconfirmed", code="000000")
    assert outcomes() == [("code_refused", "refused")]
    visitor.get(link)
    assert outcomes() == []
    visitor.submit(link)
    assert outcomes() == [("confirmed", "done")]
    visitor.get(link)
    assert outcomes() == [("link_refused", "refused")]
    visitor.sign_out()
    assert outcomes() == [("signed_out", "done")]


def test_a_resend_and_a_second_registration_are_logged(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(RESEND_COOLDOWN="0")
    visitor = Visitor(app)
    visitor.register(ADA)
    visitor.submit("/resend", on="/unconfirmed")
    Visitor(app).register(ADA)
    assert [(line["event"], line.get("again")) for line in lines()] == [
        ("registered", None),
        ("confirmation_resent", None),
        ("registered", True),
    ]


def test_successful_and_refused_sign_ins_are_logged(
    confirmed: Visitor, app: Flask, lines: Lines
) -> None:
    lines()
    for email in (ADA, "nobody@example.com"):
        Visitor(app).sign_in(email, "not the password")
    Visitor(app).sign_in(ADA)
    ada = _account(app)
    assert [(line["event"], line["outcome"], line.get("account")) for line in lines()] == [
        ("sign_in_refused", "refused", ada),
        ("sign_in_refused", "refused", None),
        # The activity page adds up earlier refusals at this sign-in. The log does not repeat them.
        ("signed_in", "done", ada),
    ]


def test_asking_for_a_reset_and_resetting_are_logged(
    app: Flask, confirmed: Visitor, mailbox: Mailbox, outcomes: Outcomes
) -> None:
    outcomes()
    visitor = Visitor(app)
    visitor.submit("/forgot", email=ADA)
    assert outcomes() == [("reset_asked", "done")]
    link = mailbox.newest(ADA).link
    outcomes()
    new = "another horse battery staple"
    visitor.submit(link, password=new, confirm=new)
    assert outcomes() == [("password_reset", "done")]


def test_a_reset_that_confirms_logs_the_seconds_since_the_registration(
    app: Flask, mailbox: Mailbox, lines: Lines
) -> None:
    Visitor(app).register(ADA)
    Visitor(app).submit("/forgot", email=ADA)
    link = mailbox.newest(ADA).link
    lines()
    Visitor(app).submit(link, password=PASSWORD, confirm=PASSWORD)
    reset, confirmation = lines()
    assert (reset["event"], confirmation["event"]) == ("password_reset", "confirmed")
    assert 0 < confirmation["took"] < 60


def test_changes_of_the_account_are_logged(confirmed: Visitor, outcomes: Outcomes) -> None:
    outcomes()
    wrong = {"current_password": "wrong", "email": "new@example.com"}
    confirmed.submit("/profile/email", **wrong)
    confirmed.submit("/profile/email", **wrong | {"current_password": PASSWORD})
    confirmed.submit("/profile/email/cancel", on="/profile/email")
    confirmed.get("/profile/export")
    confirmed.forge("/profile/sessions/revoke-others")
    new = {"password": "another horse battery staple", "confirm": "another horse battery staple"}
    confirmed.submit("/profile/password", current_password=PASSWORD, **new)
    confirmed.submit("/profile/delete", current_password=new["password"])
    assert outcomes() == [
        ("password_refused", "refused"),
        ("email_change_asked", "done"),
        ("email_change_cancelled", "done"),
        ("exported", "done"),
        ("sessions_ended", "done"),
        ("password_changed", "done"),
        ("deleted", "done"),
    ]


def test_registering_a_taken_address_is_logged_and_so_is_the_mail_to_its_owner(
    confirmed: Visitor, app: Flask, lines: Lines
) -> None:
    lines()
    for _ in range(2):
        Visitor(app).register(ADA)
    assert [(line["event"], line["outcome"], line.get("account")) for line in lines()] == [
        ("registered", "refused", None),
        ("owner_told_of_registration", "done", _account(app)),
        ("registered", "refused", None),
    ]


def test_starting_over_is_logged(visitor: Visitor, outcomes: Outcomes) -> None:
    visitor.register("adda@example.com")
    outcomes()
    visitor.submit("/unconfirmed/start-over", on="/unconfirmed")
    assert outcomes() == [("started_over", "done")]


def test_disowning_an_address_is_logged(app: Flask, mailbox: Mailbox, outcomes: Outcomes) -> None:
    Visitor(app).register(ADA)
    link = mailbox.newest(ADA).link
    outcomes()
    Visitor(app).submit(f"{link}/disown", on=link)
    assert outcomes() == [("disowned", "done")]


@pytest.mark.parametrize(
    ("send", "event", "status"),
    [
        (lambda v: v.client.post("/login", data={"email": ADA}), "csrf_refused", 400),
        (lambda v: v.client.post("/login", json={"email": ADA}), "body_refused", 415),
        (lambda v: v.client.post("/login", data={"email": "x" * 70_000}), "body_refused", 413),
        (lambda v: v.get("/admin/"), "access_refused", 404),
        (lambda v: v.get("/admin/no/such/page"), "access_refused", 404),
    ],
)
def test_refused_requests_are_logged(
    visitor: Visitor,
    lines: Lines,
    send: Callable[[Visitor], Any],
    event: str,
    status: int,
) -> None:
    assert send(visitor).status_code == status
    (line,) = lines()
    assert (line["event"], line["outcome"], line["status"]) == (event, "refused", status)


def test_refused_access_to_admin_pages_names_the_signed_in_account(
    confirmed: Visitor, app: Flask, lines: Lines
) -> None:
    lines()
    confirmed.get("/admin/")
    (line,) = lines()
    assert line["actor"] == _account(app)
    Visitor(app).get("/admin/")
    (line,) = lines()
    assert "actor" not in line, "the account belongs to another request"


def test_damaged_and_expired_links_are_logged(app: Flask, lines: Lines) -> None:
    visitor = Visitor(app)
    # The first and the last link of a lost second factor have the same path.
    purposes = {path: purpose for purpose, path in PATHS.items()}
    for path in purposes:
        visitor.get(f"{path}damaged")
    damaged = [line for line in lines() if line["event"] == "link_refused"]
    assert {line["reason"] for line in damaged} == {"damaged"}
    assert {line["purpose"] for line in damaged} >= {p.name.lower() for p in purposes.values()}
    tokens = live_tokens(app)
    lines()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
        for purpose in (Purpose.CONFIRM, Purpose.RESET, Purpose.EMAIL_CHANGE):
            visitor.get(f"{PATHS[purpose]}{tokens[purpose]}")
    expired = lines()
    assert [line["reason"] for line in expired] == ["expired"] * 3
    assert expired[0]["account"] == _account(app, "eve@example.com")


FORGED = '{"event": "signed_in", "outcome": "done", "account": "forged"}'
BREAKS = ["\n", "\r\n", "\r", "\x1b[2K\x1b[1A", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x00"]


@pytest.mark.parametrize("sent", BREAKS, ids=ascii)
def test_no_one_can_forge_a_line(make_app: MakeApp, sent: str, lines: Lines) -> None:
    app = make_app(TRUSTED_PROXIES="1")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/crash/<path:what>", "crash", lambda what: str(1 // 0))
    text = f"x{sent}{FORGED}"
    visitor = Visitor(app)
    visitor.client.environ_base["HTTP_USER_AGENT"] = text.encode().decode("latin-1")
    visitor.client.environ_base["HTTP_X_REQUEST_ID"] = text.encode().decode("latin-1")
    visitor.client.environ_base["HTTP_X_FORWARDED_FOR"] = text.encode().decode("latin-1")
    visitor.get(f"/crash/{text}")
    visitor.get(f"/confirm/{text}")
    visitor.sign_in(text)
    visitor.sign_in(ADA, text)
    visitor.client.post("/login", data={text: text})
    seen = lines()
    assert {line["event"].partition(" ")[0] for line in seen} == {
        "Exception",
        "link_refused",
        "sign_in_refused",
        "csrf_refused",
        "Unknown",  # client address
    }
    assert all(line.get("account") is None for line in seen)
    assert all(re.fullmatch("[0-9a-f]{16}", line["request_id"]) for line in seen)


@pytest.mark.parametrize("sent", BREAKS, ids=ascii)
def test_no_one_can_forge_a_line_on_the_console_of_development(
    development: Flask, sent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    development.config["PROPAGATE_EXCEPTIONS"] = False
    development.logger.error("Exception on %s", f"/x{sent}FORGED")
    Visitor(development).sign_in(ADA)
    error, refusal = capsys.readouterr().err.splitlines()
    assert "FORGED" in error
    assert "sign_in_refused" in refusal
    assert not refusal.startswith("{"), "the console shows text, not JSON"


@pytest.mark.filterwarnings("error")
def test_the_console_of_development_shows_tracebacks(
    development: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    development.config["PROPAGATE_EXCEPTIONS"] = False
    development.add_url_rule("/crash", "crash", lambda: str(1 // 0))
    Visitor(development).get("/crash")
    log = capsys.readouterr().err
    assert "\nZeroDivisionError: " in log
    assert "Exception on /crash [GET]" in log.splitlines()[0]


def test_the_log_of_a_whole_journey_has_no_secrets(
    app: Flask, mailbox: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    new, wrong = "another horse battery staple", "a quite wrong password"
    visitor = Visitor(app)
    visitor.register(ADA)
    letter = mailbox.newest(ADA)
    code = re.search(r"\b(\d{3}) (\d{3})\b", letter.text)
    assert code
    visitor.get(letter.link)
    visitor.submit("/unconfirmed/code", on="/unconfirmed", code="".join(code.groups()))
    visitor.sign_out()
    visitor.sign_in(ADA, wrong)
    visitor.sign_in(ADA)
    session = visitor.client.get_cookie("session")
    assert session is not None
    visitor.submit("/forgot", email=ADA)
    reset = mailbox.newest(ADA).link
    Visitor(app).get(f"/login?next={reset}")
    visitor.submit(reset, password=new, confirm=new)
    visitor.get(reset)
    visitor.sign_in(ADA, new)
    visitor.submit("/profile/email", current_password=new, email="new@example.com")
    change = mailbox.newest("new@example.com").link
    visitor.submit(change)
    undo = mailbox.newest(ADA, "was changed").link
    Visitor(app).submit(undo)
    with app.app_context():
        stored = list(current_mongo().users.find())
    log = capsys.readouterr().err
    assert log.count("\n") > 15
    secrets = [PASSWORD, new, wrong, "".join(code.groups()), " ".join(code.groups()), ADA]
    secrets += ["new@example.com", session.value, visitor.cookie()["csrf_token"]]
    for link in (letter.link, reset, change, undo):
        token = link.rpartition("/")[2]
        secrets += [token, *token.split(".")]
    for account in stored:
        secrets += [account["password_hash"], *account.get("devices", [])]
        secrets += [entry["id"] for entry in account["sessions"]]
    assert not [secret for secret in secrets if secret in log]


def test_every_event_on_the_activity_page_is_in_the_log(
    app: Flask, mailbox: Mailbox, lines: Lines
) -> None:
    visitor = Visitor(app)
    visitor.register(ADA)
    visitor.submit(mailbox.newest(ADA).link)
    visitor.sign_out()
    visitor.sign_in(ADA, "wrong")
    visitor.sign_in(ADA)
    visitor.get("/profile/export")
    visitor.submit("/profile/email", current_password=PASSWORD, email="new@example.com")
    visitor.submit(mailbox.newest("new@example.com").link)
    with app.app_context():
        user = users.find_by_email("new@example.com")
        assert user is not None
        shown = [event.kind for event in reversed(users.activity(user))]
    account = str(user.id)
    logged = [line["event"] for line in lines() if line.get("account") == account]
    assert len(shown) == 7
    assert [event for event in logged if event in list(SENTENCES)] == shown


def test_every_answer_has_a_different_request_id(app: Flask) -> None:
    visitor = Visitor(app)
    paths = ["/", "/login", "/no/such/page", "/static/css/latchkey.css", "/health/live"]
    ids = [visitor.get(path).headers["X-Request-ID"] for path in paths]
    assert len(set(ids)) == len(paths)
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in ids)


@pytest.mark.parametrize("sent", ["abc-1.2_3", "x" * 64])
def test_the_request_id_of_a_trusted_proxy_is_kept_and_of_a_client_replaced(
    make_app: MakeApp, sent: str
) -> None:
    for proxies, kept in (("1", True), ("0", False)):
        visitor = Visitor(make_app(TRUSTED_PROXIES=proxies))
        answer = visitor.get("/", headers={"X-Request-ID": sent})
        assert (answer.headers["X-Request-ID"] == sent) is kept


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "ü", "a,b", "a\tb", "<b>"])
def test_an_invalid_request_id_of_a_proxy_is_replaced(make_app: MakeApp, sent: str) -> None:
    visitor = Visitor(make_app(TRUSTED_PROXIES="1"))
    name = visitor.get("/", headers={"X-Request-ID": sent}).headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{16}", name)


def test_an_error_page_shows_the_request_id_of_its_log_line(
    make_app: MakeApp, lines: Lines
) -> None:
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/crash", "crash", lambda: str(1 // 0))
    page = Visitor(app).get("/crash")
    (line,) = lines()
    assert page.headers["X-Request-ID"] == line["request_id"]
    assert line["request_id"] in page.text
    assert "ZeroDivisionError" in line["exception"]
    assert "number" not in Visitor(app).get("/no/such/page").text
