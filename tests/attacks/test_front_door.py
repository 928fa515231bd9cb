"""Raw requests to gunicorn with our settings, and cookies that another site has planted in the
browser."""

import socket
from contextlib import suppress

import pytest
from flask import Flask
from werkzeug.http import dump_cookie

from tests.conftest import MakeApp
from tests.test_gunicorn import Gunicorn
from tests.visitor import Visitor

ADA, EVE = "ada@example.com", "eve@evil.example"
HTTPS = "https://localhost"
FORM = "Content-Type: application/x-www-form-urlencoded"


def _raw(server: Gunicorn, *lines: str, body: str = "") -> str:
    """The whole response to a request that no client library would send."""
    request = "\r\n".join([*lines, "Connection: close", "", body])
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request.encode("latin-1"))
        # gunicorn may close the connection of a refused request before it has read all of it.
        with suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received += part
    return received.decode()


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "SCRIPT-NAME", "Script_Name"])
def test_no_header_changes_the_address_of_the_app(server: Gunicorn, name: str) -> None:
    """gunicorn 2650: a header set SCRIPT_NAME, the prefix of every link and redirect."""
    lie = f"{name}: //evil.example"
    answer = _raw(server, "GET /profile HTTP/1.1", "Host: localhost", lie)
    assert "\r\nLocation: /login?next=%2Fprofile\r\n" in answer
    answer = _raw(server, "GET //evil.example/login HTTP/1.1", "Host: localhost", lie)
    assert answer.startswith("HTTP/1.1 404 ")
    assert "evil.example" not in answer


@pytest.mark.parametrize(
    "lie",
    ["PATH_INFO: /profile", "X-Original-URL: /profile", "X-Rewrite-URL: /profile",
     "REMOTE_USER: root@example.com", "X-HTTP-Method-Override: POST", "HTTP_COOKIE: session=x"],
)  # fmt: skip
def test_no_header_changes_the_page_or_the_person(server: Gunicorn, lie: str) -> None:
    """Symfony CVE-2018-14773 and similar: the proxy saw one path and the app another."""
    answer = _raw(server, "GET / HTTP/1.1", "Host: localhost", lie)
    assert answer.startswith("HTTP/1.1 200 ")
    assert "Sign up" in answer


@pytest.mark.parametrize(
    "framing",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 0", "Content-Length: 5"],
        ["Content-Length: +5"],
        ["Content-Length: -1"],
        ["Content-Length : 5"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding:\x0bchunked"],
    ],
    ids=" and ".join,
)
def test_an_ambiguous_request_is_refused(server: Gunicorn, framing: list[str]) -> None:
    """Request smuggling (gunicorn CVE-2024-1135, CVE-2024-6827): bytes after the body of a request
    became the next request of another person. gunicorn refuses it before the app sees it."""
    smuggled = "0\r\n\r\nGET /profile HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = _raw(server, "POST /login HTTP/1.1", "Host: localhost", FORM, *framing, body=smuggled)
    assert "Server: gunicorn" not in answer, "the app has answered"
    assert "/login?next=" not in answer


# Cookie tossing (RFC 6265 section 8.6): another site below the same domain can set a cookie, except
# one whose name begins with "__Host-".


@pytest.fixture
def production(make_app: MakeApp) -> Flask:
    """An app with the cookie names of production."""
    return make_app(SESSION_COOKIE_SECURE="true")


def _over_https(app: Flask, email: str) -> tuple[Visitor, str]:
    """A visitor who has registered, and the value of the session cookie."""
    visitor = Visitor(app)
    visitor.client.environ_base.update({"wsgi.url_scheme": "https", "HTTP_HOST": "localhost"})
    visitor.register(email)
    cookie = visitor.client.get_cookie("__Host-session")
    assert cookie is not None
    return visitor, cookie.value


@pytest.mark.parametrize(
    "name",
    ["session", "remember_token", "__host-session", "__Secure-session", "=__Host-session",
     "$Version=1,__Host-session", "\x85__Host-session", "\xa0__Host-session",
     "\u2000__Host-session".encode().decode("latin-1")],
)  # fmt: skip
def test_a_cookie_without_the_host_prefix_signs_no_one_in(production: Flask, name: str) -> None:
    """Login CSRF by cookie tossing: the victim works in the attacker's account without noticing.
    "Cookie Chaos" (PortSwigger, 2025): a server stripped characters, and the prefix appeared."""
    _eve, evil = _over_https(production, EVE)
    client = production.test_client(use_cookies=False)
    page = client.get("/", base_url=HTTPS, headers={"Cookie": f"{name}={evil}"})
    assert "Sign up" in page.text
    assert EVE not in page.text


def test_a_tossed_cookie_does_not_replace_the_real_one(production: Flask) -> None:
    """The real cookie counts, whether the tossed one comes before or after it."""
    _eve, evil = _over_https(production, EVE)
    _ada, own = _over_https(production, ADA)
    real = dump_cookie("__Host-session", own, path=None)
    for tossed in (f"session={evil}", f"remember_token={evil}", f"device={evil}"):
        for header in (f"{tossed}; {real}", f"{real}; {tossed}"):
            client = production.test_client(use_cookies=False)
            page = client.get("/unconfirmed", base_url=HTTPS, headers={"Cookie": header})
            assert ADA in page.text
            assert EVE not in page.text
