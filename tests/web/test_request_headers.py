"""Requests whose headers are too large."""

import socket
from collections.abc import Iterator

import pytest

from app.web.request_headers import MAX_COOKIES
from tests.processes import children, cpu_seconds
from tests.test_gunicorn import Gunicorn, serving
from tests.visitor import Visitor, alert
from tests.web.pages import assert_our_page


def test_too_many_cookies_get_a_page_that_says_how_to_delete_them(visitor: Visitor) -> None:
    client = visitor.app.test_client(use_cookies=False)
    for path in ("/", "/login", "/profile", "/no/such/page"):
        page = client.get(path, headers={"Cookie": "a=" + "x" * MAX_COOKIES})
        assert_our_page(page, 431)
        assert "delete those of this site" in alert(page)
        assert "Set-Cookie" not in page.headers
    answer = client.post("/login", headers={"Cookie": "a=" + "x" * MAX_COOKIES})
    assert_our_page(answer, 431)


def test_cookies_up_to_the_usual_limit_are_accepted(visitor: Visitor) -> None:
    client = visitor.app.test_client(use_cookies=False)
    cookies = "a=" + "x" * (MAX_COOKIES - 2)
    assert client.get("/login", headers={"Cookie": cookies}).status_code == 200


def test_too_many_cookies_do_not_block_the_style_sheet(visitor: Visitor) -> None:
    client = visitor.app.test_client(use_cookies=False)
    cookies = {"Cookie": "a=" + "x" * MAX_COOKIES}
    assert client.get("/static/css/latchkey.css", headers=cookies).status_code == 200


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """One gunicorn with our settings for all tests of this file."""
    with serving(tmp_path_factory.mktemp("gunicorn")) as server:
        yield server


@pytest.mark.parametrize(
    ("size", "advice"),
    [
        (9_000, "delete those of this site"),
        (65_000, "delete those of this site"),
        (70_000, "Delete the cookies of this site"),
        (120_000, "Delete the cookies of this site"),
    ],
)
def test_the_app_or_gunicorn_says_what_to_do_about_large_cookies(
    gunicorn: Gunicorn, size: int, advice: str
) -> None:
    status, _headers, text = gunicorn.read("/login", Cookie="a=" + "x" * size)
    assert status == 431
    assert advice in text


def test_many_large_headers_take_little_time(gunicorn: Gunicorn) -> None:
    """Without our limit, gunicorn reads 100 fields of 64 kB, which takes seconds."""
    (worker,) = children(gunicorn.process.pid)
    before = cpu_seconds(worker)
    fields = "".join(f"X-{number}: {'x' * 60_000}\r\n" for number in range(90))
    with socket.create_connection(("127.0.0.1", gunicorn.port), timeout=30) as connection:
        try:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode())
            answer = connection.recv(100)
        except OSError:  # refused before all of it was read
            answer = b""
    assert not answer or answer.startswith(b"HTTP/1.1 431 ")
    assert gunicorn.get("/health/live")[0] == 200
    assert cpu_seconds(worker) - before < 0.5
