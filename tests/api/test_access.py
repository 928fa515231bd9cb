"""Who may use which operation of the API.

The table has each operation, with the refusal that each kind of person gets first. None stands for
"goes on", to the operation itself.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from app.api.operations import OPERATIONS
from app.mongo import current_mongo
from app.users.clock import utcnow
from tests.api.programs import BrowserApp, Program
from tests.planted_factors import confirmed_in
from tests.visitor import PASSWORD

SIGN_IN, CONFIRM, PROVE = "authentication_required", "confirmation_required", "proof_required"
# For anonymous, unconfirmed and confirmed people, and for the confirmed without a proof.
ANYBODY = (None, None, None, None)
SIGNED_IN = (SIGN_IN, None, None, None)
CONFIRMED = (SIGN_IN, CONFIRM, None, None)
PROVED = (SIGN_IN, CONFIRM, None, PROVE)
FACTORS = "/account/second-factors"
ID = "0" * 16

TABLE = {
    ("POST", "/accounts"): ANYBODY,
    ("GET", "/account"): SIGNED_IN,
    ("PATCH", "/account"): SIGNED_IN,
    ("DELETE", "/account"): CONFIRMED,
    ("POST", "/session"): ANYBODY,
    ("POST", "/session/second-factor"): ANYBODY,
    ("POST", "/session/second-factor/lost"): ANYBODY,
    ("POST", "/session/passkey/options"): ANYBODY,
    ("POST", "/session/passkey"): ANYBODY,
    ("GET", "/session"): ANYBODY,
    ("DELETE", "/session"): ANYBODY,
    ("POST", "/session/proof"): CONFIRMED,
    ("GET", "/confirmation"): SIGNED_IN,
    # A link needs no session; without one, the view itself asks for the session.
    ("POST", "/confirmation"): ANYBODY,
    ("POST", "/confirmation/mail"): (SIGN_IN, None, None, None),
    ("POST", "/confirmation/start-over"): SIGNED_IN,
    ("POST", "/confirmation/disown"): ANYBODY,
    ("POST", "/password/forgot"): ANYBODY,
    ("POST", "/password/reset"): ANYBODY,
    ("PUT", "/account/password"): CONFIRMED,
    ("PUT", "/account/email"): CONFIRMED,
    ("DELETE", "/account/email/pending"): CONFIRMED,
    ("POST", "/email/confirm"): ANYBODY,
    ("POST", "/email/undo"): ANYBODY,
    ("GET", "/account/sessions"): CONFIRMED,
    ("DELETE", "/account/sessions"): CONFIRMED,
    ("DELETE", "/account/sessions/{id}"): CONFIRMED,
    ("GET", "/account/trusted-browsers"): CONFIRMED,
    ("DELETE", "/account/trusted-browsers/{id}"): CONFIRMED,
    ("GET", "/account/activity"): CONFIRMED,
    ("GET", "/account/export"): PROVED,
    ("GET", FACTORS): CONFIRMED,
    ("POST", f"{FACTORS}/totp"): PROVED,
    ("POST", f"{FACTORS}/totp/activate"): PROVED,
    ("DELETE", f"{FACTORS}/totp"): PROVED,
    ("POST", f"{FACTORS}/passkeys/options"): PROVED,
    ("POST", f"{FACTORS}/passkeys"): PROVED,
    ("PATCH", f"{FACTORS}/passkeys/{{id}}"): CONFIRMED,
    ("DELETE", f"{FACTORS}/passkeys/{{id}}"): PROVED,
    ("POST", f"{FACTORS}/recovery-codes"): PROVED,
    ("DELETE", f"{FACTORS}/removal"): CONFIRMED,
    ("POST", "/second-factors/reset"): ANYBODY,
    ("POST", "/second-factors/keep"): ANYBODY,
    ("GET", "/verify"): (SIGN_IN, CONFIRM, None, None),
}
REFUSALS = {SIGN_IN, CONFIRM, PROVE, "csrf_failed"}
CHANGING = [(method, path) for method, path in TABLE if method != "GET"]


def _refusal(program: Program, method: str, path: str, **options: Any) -> str | None:
    """The code, if the request is refused for who sends it."""
    body: dict[str, Any] = {} if method == "GET" else {"json": {}}
    answer = program.call(method, path.replace("{id}", ID), **body, **options)
    assert answer.status_code < 500, answer.text
    code = answer.json and answer.json.get("code")
    return code if code in REFUSALS else None


def _follows(program: Program, column: int) -> None:
    found = {
        (method, path): _refusal(program, method, path)
        for method, path in TABLE
        # These end the session. Other tests call them.
        if (method, path) not in {("DELETE", "/session"), ("POST", "/confirmation/start-over")}
    }
    assert found == {route: TABLE[route][column] for route in found}


def test_every_operation_is_in_the_table() -> None:
    declared = {
        (one.method, one.path.replace("<string(length=16):handle>", "{id}"))
        for one in OPERATIONS.values()
    }
    assert declared == TABLE.keys()


def test_the_blueprint_has_no_route_besides_operations(app: Flask) -> None:
    views = {
        rule.endpoint.removeprefix("api.")
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
    }
    assert views == OPERATIONS.keys() | {"openapi"}


def test_an_anonymous_program_gets_what_the_table_says(program: Program) -> None:
    _follows(program, 0)


def test_an_unconfirmed_person_gets_what_the_table_says(program: Program) -> None:
    program.register("bob@example.com")
    _follows(program, 1)


def test_a_confirmed_person_gets_what_the_table_says(ada: Program) -> None:
    _follows(ada, 2)


def test_a_session_without_a_proof_gets_what_the_table_says(ada: Program) -> None:
    with time_machine.travel(utcnow() + timedelta(minutes=11), tick=False):
        _follows(ada, 3)


def test_a_session_that_was_ended_is_out_at_once(ada: Program, app: Flask) -> None:
    with app.app_context():
        current_mongo().users.update_many({}, {"$set": {"sessions": []}})
    _follows(ada, 0)


def test_a_disabled_account_is_out_at_once(ada: Program, app: Flask) -> None:
    with app.app_context():
        current_mongo().users.update_many({}, {"$set": {"disabled_on": utcnow()}})
    _follows(ada, 0)


@pytest.mark.parametrize("token", [None, "", "x"])
def test_a_cookie_needs_the_csrf_token_for_all_but_reading(
    app: Flask, token: str | None, mailbox: Any
) -> None:
    browser = BrowserApp(app)
    browser.register("ada@example.com")
    browser.confirm(mailbox, "ada@example.com")
    headers = {} if token is None else {"X-CSRF-Token": token}
    for method, path in CHANGING:
        url = f"/api/v1{path.replace('{id}', ID)}"
        answer = browser.client.open(url, method=method, json={}, headers=headers)
        assert answer.status_code == 403, (method, path)
        assert answer.json
        assert answer.json["code"] == "csrf_failed"


def test_signing_in_by_the_cookie_needs_the_csrf_token_also_without_a_session(app: Flask) -> None:
    body = {"email": "ada@example.com", "password": PASSWORD, "cookie": True}
    for path in ("/accounts", "/session"):
        answer = app.test_client().post(f"/api/v1{path}", json=body)
        assert answer.json
        assert answer.json["code"] == "csrf_failed"


def test_a_request_with_a_token_ignores_cookies(app: Flask, mailbox: Any) -> None:
    browser, program = BrowserApp(app), Program(app)
    browser.register("ada@example.com")
    browser.confirm(mailbox, "ada@example.com")
    program.register("bob@example.com")
    both = {"headers": program.headers()}
    account = browser.client.get("/api/v1/account", **both)
    assert account.json
    assert account.json["email"] == "bob@example.com"
    assert "Set-Cookie" not in account.headers
    assert "Cookie" not in account.headers.get("Vary", "")
    # No CSRF token is needed, and the cookie's session stays.
    assert browser.client.delete("/api/v1/session", **both).status_code == 204
    assert browser.client.get("/api/v1/account", **both).status_code == 401
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize("header", ["Bearer dead", "bearer dead", "BEARER", "Bearer a, Basic b"])
def test_a_dead_token_is_signed_out_also_beside_a_living_cookie(
    app: Flask, mailbox: Any, header: str
) -> None:
    browser = BrowserApp(app)
    browser.register("ada@example.com")
    browser.confirm(mailbox, "ada@example.com")
    headers = {"Authorization": header}
    answer = browser.client.get("/api/v1/session", headers=headers)
    assert answer.get_json()["account"] is None
    assert answer.get_json()["csrf_token"] is None
    assert browser.client.get("/api/v1/account", headers=headers).status_code == 401


def test_a_token_is_read_only_from_its_header(app: Flask) -> None:
    """In a query it would be in logs (RFC 6750, 5.3)."""
    program = Program(app)
    program.register("bob@example.com")
    client, token = app.test_client(), program.token
    for query in ("access_token", "token"):
        assert client.get(f"/api/v1/account?{query}={token}").status_code == 401
    changes = {"access_token": token, "language": "de"}
    assert client.patch("/api/v1/account", json=changes).status_code == 401


def test_a_browser_has_one_session_on_the_pages_and_in_the_api(app: Flask) -> None:
    page = confirmed_in(app, "ada@example.com")
    browser = BrowserApp(app)
    browser.client = page.client
    assert browser.get("/account").status_code == 200
    assert browser.call("DELETE", "/session").status_code == 204
    assert str(page.get("/profile").location).startswith("/login")


def test_the_session_of_another_account_cannot_be_ended(app: Flask) -> None:
    ada, bob = Program(app), Program(app)
    for email, program in (("ada@example.com", ada), ("bob@example.com", bob)):
        confirmed_in(app, email)
        program.sign_in(email)
    for row in bob.get("/account/sessions").get_json()["sessions"]:
        assert ada.call("DELETE", f"/account/sessions/{row['id']}").status_code == 404
    assert bob.get("/account").status_code == 200


def test_where_everybody_needs_a_second_factor_only_the_way_to_one_is_open(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(REQUIRE_SECOND_FACTOR="everybody")
    confirmed_in(app, "ada@example.com")
    program = Program(app)
    program.sign_in("ada@example.com")
    for method, path in TABLE:
        if TABLE[method, path] in (CONFIRMED, PROVED):
            body: dict[str, Any] = {} if method == "GET" else {"json": {}}
            answer = program.call(method, path.replace("{id}", ID), **body)
            refused = answer.is_json or answer.mimetype == "application/problem+json"
            code = answer.get_json(force=True).get("code") if refused else None
            to_a_factor = path.startswith(FACTORS) or path == "/session/proof"
            assert (code == "second_factor_required") is not to_a_factor, (method, path)


def test_a_token_cannot_ask_for_a_cookie(app: Flask) -> None:
    program = Program(app)
    program.register("bob@example.com")
    answer = program.post("/session", email="bob@example.com", password=PASSWORD, cookie=True)
    assert answer.status_code == 422
    assert answer.json
    assert answer.json["errors"][0]["field"] == "cookie"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é".encode().decode("latin-1"), "x" * 4000])
def test_a_token_that_was_made_up_is_refused_without_a_look_up(app: Flask, token: str) -> None:
    answer = app.test_client().get("/api/v1/account", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_is_no_ticket_and_a_ticket_is_no_token(app: Flask) -> None:
    program = Program(app)
    program.register("ada@example.com")
    options = program.post("/session/passkey/options")
    assert options.json
    ticket, token = options.json["ticket"], program.token
    program.token = ticket
    assert program.get("/account").status_code == 401
    program.token = ""
    answer = program.post("/session/second-factor", ticket=token, code="123456")
    assert answer.json
    assert answer.json["code"] == "ticket_invalid"
    answer = program.post("/session/second-factor", ticket=ticket, code="123456")
    assert answer.json
    assert answer.json["code"] == "ticket_invalid"


def test_a_token_is_stored_as_a_hash_and_never_logged(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    program = Program(app)
    program.register("ada@example.com", device="Ada's phone")
    program.get("/account")
    program.get("/account/sessions")
    with app.app_context():
        stored = str(list(current_mongo().users.find()))
    assert "Ada's phone" in stored
    for part in (program.token, *program.token.split(".")):
        assert part not in stored
        assert part not in caplog.text


def test_the_stored_id_of_a_session_is_no_token_and_no_cookie(app: Flask) -> None:
    """A thief of the database cannot sign in with it."""
    program = Program(app)
    program.register("ada@example.com")
    with app.app_context():
        account = current_mongo().users.find_one({})
    assert account
    session_id = account["sessions"][0]["id"]
    for token in (session_id, f"{account['_id']}.{session_id}"):
        program.token = token
        assert program.get("/account").status_code == 401


def test_a_program_is_listed_under_its_name_and_can_be_signed_out(app: Flask, mailbox: Any) -> None:
    phone, laptop = Program(app), Program(app)
    phone.register("ada@example.com", device="  Ada's\nphone ")
    phone.confirm(mailbox, "ada@example.com")
    laptop.sign_in("ada@example.com", device="Laptop")
    listed = laptop.get("/account/sessions").json
    assert listed
    rows = {row["name"]: row for row in listed["sessions"]}
    assert rows.keys() == {"Ada's phone", "Laptop"}
    assert rows["Laptop"]["current"]
    assert not rows["Ada's phone"]["current"]
    handle = rows["Ada's phone"]["id"]
    assert laptop.call("DELETE", f"/account/sessions/{handle}").status_code == 204
    assert phone.get("/account").status_code == 401
    assert laptop.call("DELETE", f"/account/sessions/{handle}").status_code == 404


def test_a_token_lives_as_long_as_a_browser_that_is_remembered(app: Flask, mailbox: Any) -> None:
    program = Program(app)
    program.register("ada@example.com")
    program.confirm(mailbox, "ada@example.com")
    began = utcnow()
    with time_machine.travel(began + timedelta(days=29), tick=False):
        assert program.get("/account").status_code == 200
    with time_machine.travel(began + timedelta(days=30, minutes=1), tick=False):
        assert program.get("/account").status_code == 401


def test_the_session_of_a_browser_ends_when_it_is_idle(app: Flask) -> None:
    confirmed_in(app, "ada@example.com")
    browser = BrowserApp(app)
    browser.sign_in("ada@example.com")
    with time_machine.travel(utcnow() + timedelta(hours=13), tick=False):
        assert browser.get("/account").status_code == 401


class TestOtherOrigins:
    """Scripts of other sites."""

    @pytest.fixture
    def app(self, make_app: Callable[..., Flask]) -> Flask:
        return make_app(API_ORIGINS="https://spa.example.net, http://localhost:3000")

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            ("https://spa.example.net", True),
            ("http://localhost:3000", True),
            ("https://spa.example.net:443", False),
            ("http://spa.example.net", False),
            ("https://spa.example.net.evil.example", False),
            ("https://evil.example/https://spa.example.net", False),
            ("https://SPA.example.net", False),
            ("null", False),
            ("*", False),
        ],
    )
    def test_only_listed_origins_may_call_and_never_with_cookies(
        self, app: Flask, origin: str, allowed: bool
    ) -> None:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        client = app.test_client()
        preflight = client.options("/api/v1/accounts", headers=asked)
        answer = client.get("/api/v1/account", headers={"Origin": origin})
        for found in (preflight, answer):
            expected = origin if allowed else None
            assert found.headers.get("Access-Control-Allow-Origin") == expected
            assert "Access-Control-Allow-Credentials" not in found.headers
            assert "Origin" in found.headers["Vary"]
        headers = preflight.headers.get("Access-Control-Allow-Headers", "")
        assert ("Authorization" in headers) is allowed
        assert "X-CSRF-Token" not in headers
        assert ("Content-Type" in preflight.headers) is not allowed

    def test_pages_have_no_such_headers(self, app: Flask) -> None:
        asked = {"Origin": "https://spa.example.net"}
        answer = app.test_client().get("/login", headers=asked)
        assert "Access-Control-Allow-Origin" not in answer.headers
