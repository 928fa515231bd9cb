"""Bodies that no form of the app sends."""

import json
import socket
import threading
from collections.abc import Iterator
from io import BytesIO

import pytest
from flask import Flask
from werkzeug.serving import make_server

from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, alert, errors, soup
from tests.web.pages import assert_our_page, documents

ADA, BOB = "ada@example.com", "bob@example.com"
NEWCOMER = {"email": ADA, "password": PASSWORD, "confirm": PASSWORD}
LIMIT = 64 * 1024
_PLACES = ["/register", "/login", "/logout", "/resend", "/confirm/x", "/confirm/x/disown"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", json.dumps(NEWCOMER)),
        ("application/json; charset=utf-8", json.dumps({"email": {"$ne": 1}, "password": "x"})),
        ("application/JSON", "[]"),
        ("application/json", ""),
        ("application/json", "{not json"),
        ("application/vnd.api+json", "{}"),
        ("text/plain", "email=ada@example.com&password=x"),
        ("application/xml", "<email/>"),
        ("application/octet-stream", "x"),
        ("application/x-www-form-urlencoded-not", "email=x"),
        ("", "email=x"),
    ],
)
def test_a_body_that_is_not_a_form_is_refused(
    app: Flask, visitor: Visitor, kind: str, body: str
) -> None:
    for path in _PLACES:
        assert_our_page(visitor.client.post(path, data=body, content_type=kind), 415)
    assert documents(app) == []


@pytest.mark.parametrize("size", [LIMIT + 1, 1024 * 1024])
def test_more_than_64_kB_is_refused(app: Flask, visitor: Visitor, size: int) -> None:
    for path in _PLACES:
        assert_our_page(visitor.forge(path, {"email": ADA, "password": "a" * size}), 413)
    assert documents(app) == []


def test_just_under_64_kB_is_a_form(visitor: Visitor) -> None:
    answer = visitor.forge("/register", {**NEWCOMER, "unknown": "a" * (LIMIT - 1000)})
    assert answer.location == "/unconfirmed"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_more_than_64_kB_of_unknown_length_is_refused(visitor: Visitor, kind: str) -> None:
    body = b"email=" + b"a" * LIMIT
    if kind.startswith("multipart"):
        kind += "; boundary=B"
        body = b'--B\r\nContent-Disposition: form-data; name="email"\r\n\r\n' + body + b"\r\n--B--"
    answer = visitor.client.post(
        "/register",
        input_stream=BytesIO(body),
        content_type=kind,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert_our_page(answer, 413)


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    """The app behind a real HTTP server."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("kind", "status"), [("application/x-www-form-urlencoded", 413), ("application/json", 415)]
)
def test_a_chunked_body_has_the_same_limit(port: int, kind: str, status: int) -> None:
    head = (
        "POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
        f"Content-Type: {kind}\r\n\r\n"
    )
    chunk = b"%x\r\nemail=" % LIMIT + b"a" * (LIMIT - 6) + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(head.encode() + chunk + chunk + b"0\r\n\r\n")
        answer = connection.makefile("rb").readline()
    assert answer.split()[1] == str(status).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"email[$ne]": "x", "password": PASSWORD},
        {"email[]": ADA, "password": PASSWORD},
        {"email.$ne": ADA, "password": PASSWORD},
        {"$where": "1", "password": PASSWORD},
    ],
)
def test_a_field_name_with_an_operator_counts_as_a_missing_field(
    app: Flask, visitor: Visitor, fields: dict[str, str]
) -> None:
    for path in ("/login", "/register"):
        refused = visitor.forge(path, fields)
        assert refused.status_code == 422
        assert "email" in errors(refused)
    assert documents(app) == []


def test_the_first_value_of_a_repeated_field_counts_everywhere(
    visitor: Visitor, mailbox: Mailbox
) -> None:
    other = "another staple battery horse"
    answer = visitor.forge(
        "/register",
        {"email": [ADA, BOB], "password": [PASSWORD, other], "confirm": [PASSWORD, other]},
    )
    assert answer.location == "/unconfirmed"
    assert ADA in visitor.page("/unconfirmed").text
    assert [mail.to for mail in mailbox.all()] == [ADA]
    assert Visitor(visitor.app).sign_in(ADA, PASSWORD).status_code == 302
    assert Visitor(visitor.app).sign_in(ADA, other).status_code == 422
    assert Visitor(visitor.app).sign_in(BOB, PASSWORD).status_code == 422


def test_a_later_value_of_a_repeated_password_is_ignored(
    visitor: Visitor,
) -> None:
    refused = visitor.forge("/register", {**NEWCOMER, "confirm": ["something else", PASSWORD]})
    assert set(errors(refused)) == {"confirm"}


def test_unknown_fields_change_nothing(app: Flask, visitor: Visitor) -> None:
    unknown = {
        "admin": "1",
        "confirmed": "1",
        "confirmed_on": "2026-01-01",
        "token_version": "9",
        "_id": "0" * 24,
        "email_key": BOB,
        "$set": "x",
    }
    visitor.forge("/register", {**NEWCOMER, **unknown})
    Visitor(app).forge("/login", {"email": ADA, "password": PASSWORD, **unknown})
    (document,) = documents(app)
    found = {name: document[name] for name in ("email_key", "admin", "confirmed", "token_version")}
    assert found == {"email_key": ADA, "admin": False, "confirmed": False, "token_version": 1}
    assert document["confirmed_on"] is None
    assert "$set" not in document
    assert visitor.get("/profile").location == "/unconfirmed"


def test_query_strings_are_not_form_fields(app: Flask, visitor: Visitor) -> None:
    path = f"/register?email={ADA}&password={PASSWORD}&confirm={PASSWORD}"
    assert visitor.get(path).status_code == 200
    assert visitor.forge(path).status_code == 422
    assert documents(app) == []


@pytest.mark.parametrize("name", ["email", "password", "csrf_token", "unknown"])
def test_uploaded_files_are_refused(app: Flask, visitor: Visitor, name: str) -> None:
    for path in _PLACES:
        file = {name: (BytesIO(ADA.encode()), "name.txt")}
        assert_our_page(visitor.forge(path, {**NEWCOMER, **file}), 415)
    assert documents(app) == []


def test_a_form_may_come_as_multipart(visitor: Visitor) -> None:
    answer = visitor.forge("/register", NEWCOMER, content_type="multipart/form-data")
    assert answer.location == "/unconfirmed"


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=B"])
@pytest.mark.parametrize("body", ["", "--", "--B\r\n", "--B\r\n\r\nx\r\n--B--", "\x00"])
def test_broken_multipart_counts_as_a_form_without_fields(
    visitor: Visitor, kind: str, body: str
) -> None:
    assert_our_page(visitor.client.post("/login", data=body, content_type=kind), 400)


def test_a_field_without_a_name_is_refused(visitor: Visitor) -> None:
    body = "--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--"
    kind = "multipart/form-data; boundary=B"
    assert_our_page(visitor.client.post("/login", data=body, content_type=kind), 415)


@pytest.mark.parametrize(
    ("password", "accepted"),
    [
        ("k7 Wq-" + "é" * 250, True),
        ("k7 Wq-" + "é" * 251, False),
        ("k7 Wq-" + "e\u0301" * 250, True),  # NFKC makes one character of two
        ("k7 Wq-" + "ﬃ" * 84, False),  # NFKC makes three characters of one
        ("k7 Wq-x", False),
        ("k7 Wq-ﬃ", True),
        ("k7\x00Wq-nul", True),
        ("        ", False),
        ("password", False),
        ("ada@example.com", False),
        ("Latchkey", False),
        ("Example1", False),
    ],
)
def test_passwords_have_8_to_256_characters_after_nfkc_and_are_hard_to_guess(
    app: Flask, visitor: Visitor, password: str, accepted: bool
) -> None:
    answer = visitor.forge("/register", {"email": ADA, "password": password, "confirm": password})
    if accepted:
        assert answer.location == "/unconfirmed"
        assert Visitor(app).sign_in(ADA, password).status_code == 302
    else:
        assert answer.status_code == 422
        assert "password" in errors(answer)
        assert documents(app) == []


def test_a_long_password_is_not_cut_off(app: Flask, visitor: Visitor) -> None:
    visitor.register(ADA, "🔑" * 20 + "🗝🔒🚪🏠" * 10 + "🙂🙃😀😃")
    assert Visitor(app).sign_in(ADA, "🔑" * 20 + "🗝🔒🚪🏠" * 10 + "🙂🙃😀😁").status_code == 422
    assert Visitor(app).sign_in(ADA, "🔑" * 20 + "🗝🔒🚪🏠" * 10 + "🙂🙃😀😃").status_code == 302


@pytest.mark.parametrize("size", [257, 1024, 1025, 60_000])
def test_signing_in_with_a_password_that_is_too_long_is_refused(
    confirmed: Visitor, visitor: Visitor, size: int
) -> None:
    refused = visitor.forge("/login", {"email": ADA, "password": "a" * size})
    assert refused.status_code == 422
    assert alert(refused, "danger")


@pytest.mark.parametrize("value", ['"><script>alert(1)</script>', "{{7*7}}", "a' onfocus='x"])
def test_typed_text_is_escaped_when_it_is_shown_again(visitor: Visitor, value: str) -> None:
    for path in ("/login", "/register"):
        refused = visitor.forge(path, {"email": value, "password": "x"})
        field = soup(refused).find("input", attrs={"name": "email"})
        assert field is not None
        assert field["value"] == value
