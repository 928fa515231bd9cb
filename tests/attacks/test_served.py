"""Requests that no client library would send, to gunicorn as in production.

Poisoning by Host and by an absolute request target (Kettle, "Practical HTTP host header attacks",
2013), and headers that a path splits ("HTTP response splitting", CWE-113).
"""

import socket
from http.client import HTTPResponse

import pytest

from tests.test_gunicorn import Gunicorn

EVIL = "evil.example"


def _send(server: Gunicorn, *lines: str) -> tuple[HTTPResponse, str]:
    request = "\r\n".join((*lines, "Connection: close", "", ""))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = HTTPResponse(connection)
        answer.begin()
        return answer, answer.read().decode(errors="replace")


@pytest.mark.parametrize(
    "lines",
    [
        (f"GET http://{EVIL}/profile HTTP/1.1", "Host: localhost"),
        (f"GET https://{EVIL}/profile HTTP/1.1", f"Host: {EVIL}"),
        (f"GET //{EVIL}/profile HTTP/1.1", "Host: localhost"),
        (f"GET //{EVIL}/%2e%2e/profile HTTP/1.1", "Host: localhost"),
        (f"GET /\\{EVIL}/profile HTTP/1.1", "Host: localhost"),
        ("GET /profile HTTP/1.1", f"Host: localhost@{EVIL}"),
        ("GET /profile HTTP/1.1", "Host: localhost", f"X-Forwarded-Host: {EVIL}"),
        ("GET /profile HTTP/1.1", "Host: localhost", f"X-Original-URL: //{EVIL}/"),
        ("GET /profile HTTP/1.1", "Host: localhost", f"X-Rewrite-URL: //{EVIL}/"),
        ("GET /profile HTTP/1.0",),
        (f"OPTIONS http://{EVIL}/ HTTP/1.1", f"Host: {EVIL}"),
    ],
)
def test_the_host_that_a_request_names_is_not_in_the_answer(
    server: Gunicorn, lines: tuple[str, ...]
) -> None:
    answer, text = _send(server, *lines)
    assert answer.status < 500
    location = answer.getheader("Location", "")
    assert EVIL not in location.partition("?")[0]
    assert not location.startswith(("http", "//", "/\\"))
    assert f"//{EVIL}" not in text


@pytest.mark.parametrize("path", ["/profile", "/login?next=", "/confirm/", "/no/such/", "/static/"])
@pytest.mark.parametrize(
    "tail",
    ["%0d%0aSet-Cookie:%20a=b", "%0aSet-Cookie:%20a=b", "%0d%0a%0d%0a<script>",
     "%E5%98%8A%E5%98%8DSet-Cookie:a=b", "\x85Set-Cookie:a=b", "%00%0d%0aX:y"],
)  # fmt: skip
def test_no_path_can_split_the_response(server: Gunicorn, path: str, tail: str) -> None:
    answer, text = _send(server, f"GET {path}{tail} HTTP/1.1", "Host: localhost")
    assert answer.status < 500
    assert "a=b" not in (answer.getheader("Set-Cookie") or "")
    assert answer.getheader("X") is None
    assert "<script>" not in text


def test_a_request_with_two_hosts_is_refused(server: Gunicorn) -> None:
    """A proxy might use one host and the app the other."""
    answer, text = _send(server, "GET /profile HTTP/1.1", "Host: localhost", f"Host: {EVIL}")
    assert answer.status == 400
    assert EVIL not in text
    assert server.get("/health/live")[0] == 200


def test_two_cookies_with_one_name_sign_no_one_in(server: Gunicorn) -> None:
    answer, _ = _send(
        server, "GET /profile HTTP/1.1", "Host: localhost", "Cookie: session=a; session=b",
        "Cookie: session=c",
    )  # fmt: skip
    assert (answer.status, answer.getheader("Location")) == (302, "/login?next=%2Fprofile")
