"""The headers of proxies about the client and about the path that the app is below."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flask import Flask, request
from werkzeug.test import Client

from app.web.proxies import bare_address
from tests.conftest import MakeApp
from tests.processes import wait_until
from tests.test_gunicorn import Gunicorn
from tests.visitor import Visitor
from tests.web.pages import documents

WRONG = "a wrong password here"
UNKNOWN = [
    "unknown",
    "_hidden",
    "",
    "203.0.113.256",
    "203.0.113.010",
    "[::1",
    "x" * 5000,
    "1.2.3.4 5",
]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("203.0.113.10", "203.0.113.10"),
        ("203.0.113.10:40000", "203.0.113.10"),
        ("203.0.113.10:", "203.0.113.10"),
        (" 203.0.113.10:40000 ", "203.0.113.10"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:4711", "fe80::1"),
        ("::ffff:203.0.113.10", "203.0.113.10"),
        ("[::ffff:203.0.113.10]:40000", "203.0.113.10"),
        *((unknown, "") for unknown in UNKNOWN),
        ("203.0.113.10,198.51.100.1", ""),
        ("٢٠٣.0.113.10", ""),
    ],
)
def test_an_address_loses_port_brackets_and_zone(given: str, expected: str) -> None:
    assert bare_address(given) == expected


def _at(app: Flask, forwarded_for: str) -> Visitor:
    visitor = Visitor(app)
    visitor.client.environ_base["HTTP_X_FORWARDED_FOR"] = forwarded_for
    return visitor


@pytest.mark.parametrize(
    "form", ["203.0.113.{}:40000", "[2001:db8:0:{}::1]:4711", "[2001:db8:0:{}::1]"]
)
def test_clients_whose_address_has_a_port_or_brackets_are_counted_and_recorded_one_by_one(
    make_app: MakeApp, form: str
) -> None:
    app = make_app(
        TRUSTED_PROXIES="1", RATELIMIT_CLIENT="1 per minute", RATELIMIT_REGISTER="1 per minute"
    )
    for number in range(3):
        visitor = _at(app, form.format(number))
        assert visitor.sign_in(f"{number}@example.com", WRONG).status_code == 422
        assert visitor.sign_in(f"{number}@example.com", WRONG).status_code == 429
        assert visitor.register(f"{number}@example.com").status_code == 302
    recorded = {document["events"][0]["address"] for document in documents(app)}
    assert recorded == {bare_address(form.format(number)) for number in range(3)}


@pytest.mark.parametrize("unknown", ["unknown", "_hidden", "[::1"])
def test_clients_without_an_address_do_not_lock_each_other_out(
    make_app: MakeApp, unknown: str
) -> None:
    app = make_app(
        TRUSTED_PROXIES="1", RATELIMIT_CLIENT="1 per minute", RATELIMIT_REGISTER="1 per minute"
    )
    for number in range(3):
        assert _at(app, unknown).sign_in(f"{number}@example.com", WRONG).status_code == 422
        assert _at(app, unknown).register(f"{number}@example.com").status_code == 302
    assert {document["events"][0]["address"] for document in documents(app)} == {""}


def test_the_limits_per_account_and_mail_address_hold_for_clients_without_an_address(
    make_app: MakeApp,
) -> None:
    app = make_app(
        TRUSTED_PROXIES="1", RATELIMIT_ACCOUNT="2 per minute", RATELIMIT_MAIL="2 per hour"
    )
    answers = [_at(app, "unknown").sign_in("ada@example.com", WRONG) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 429]
    answers = [_at(app, "unknown").submit("/forgot", email="a@example.com") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 429]


def test_an_address_that_cannot_be_read_is_warned_about_once(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(TRUSTED_PROXIES="1")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            _at(app, "unkn\nown").get("/")
    warnings = [line for line in caplog.messages if "Unknown client address" in line]
    assert len(warnings) == 1
    assert "unkn\\nown" in warnings[0]
    assert "TRUSTED_PROXIES" in warnings[0]


class _UnixConnection(HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


@contextmanager
def _on_a_unix_socket(folder: Path) -> Iterator[tuple[Gunicorn, Path]]:
    path = folder / "web.sock"
    server = Gunicorn(
        folder / "log",
        APP_SETTINGS="config.TestingConfig",
        GUNICORN_CMD_ARGS=f"--bind=unix:{path}",
        RATELIMIT_CLIENT="1 per minute",
    )
    wait_until(lambda: "Booting worker" in server.output)
    yield server, path
    server.process.terminate()
    assert server.process.wait(30) == 0


def test_a_unix_socket_without_trusted_proxies_works_and_is_warned_about(tmp_path: Path) -> None:
    with _on_a_unix_socket(tmp_path) as (server, path):
        for _ in range(2):
            connection = _UnixConnection(path)
            connection.request("GET", "/login")
            assert connection.getresponse().status == 200
            connection.close()
        wait_until(lambda: len(server.answered) == 2)
        assert server.output.count("Unknown client address") == 1


# The app below a path


def _seen(app: Flask, path: str, **environ: str) -> tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO as the app sees them."""
    found = []

    def look() -> None:
        found.append((request.script_root, request.path))

    app.before_request_funcs.setdefault(None, []).insert(0, look)
    # This is not Flask's test client, because that one sets SCRIPT_NAME itself.
    Client(app.wsgi_app).get(path, environ_overrides=environ)
    return found[0]


BELOW = "https://example.org/accounts"


@pytest.mark.parametrize(
    ("path", "environ"),
    [
        ("/accounts/login", {}),
        ("/login", {}),
        ("/login", {"SCRIPT_NAME": "/accounts"}),
        ("/login", {"SCRIPT_NAME": "/accounts/"}),
        ("/login", {"HTTP_X_FORWARDED_PREFIX": "/accounts"}),
        ("/login", {"HTTP_X_FORWARDED_PREFIX": "/accounts/"}),
        ("/accounts/login", {"HTTP_X_FORWARDED_PREFIX": "/accounts"}),
        ("/login", {"HTTP_X_FORWARDED_PREFIX": "//evil.example"}),
        ("/login", {"HTTP_X_FORWARDED_PREFIX": "https://evil.example"}),
        ("/login", {"HTTP_X_FORWARDED_PREFIX": "/.."}),
        ("/login", {"HTTP_X_FORWARDED_PREFIX": "/"}),
        ("/login", {"SCRIPT_NAME": "/accounts", "HTTP_X_FORWARDED_PREFIX": "/accounts"}),
    ],
)
def test_the_path_of_public_url_is_added_once(
    make_app: MakeApp, path: str, environ: dict[str, str]
) -> None:
    app = make_app(PUBLIC_URL=BELOW, TRUSTED_PROXIES="1")
    assert _seen(app, path, **environ) == ("/accounts", "/login")


@pytest.mark.parametrize(
    ("proxies", "sent", "root"),
    [
        ("0", "/accounts", ""),
        ("1", "/accounts", "/accounts"),
        ("1", "/other, /accounts", "/accounts"),
        ("2", "/accounts, /other", "/accounts"),
    ],
)
def test_x_forwarded_prefix_counts_only_behind_trusted_proxies(
    make_app: MakeApp, proxies: str, sent: str, root: str
) -> None:
    app = make_app(TRUSTED_PROXIES=proxies)
    assert _seen(app, "/login", HTTP_X_FORWARDED_PREFIX=sent) == (root, "/login")


def test_a_longer_path_that_begins_like_the_prefix_is_not_changed(make_app: MakeApp) -> None:
    app = make_app(PUBLIC_URL=BELOW)
    assert _seen(app, "/accounts2/login") == ("/accounts", "/accounts2/login")


def test_a_path_of_the_server_is_not_removed_twice(make_app: MakeApp) -> None:
    seen = _seen(make_app(PUBLIC_URL=BELOW), "/accounts/login", SCRIPT_NAME="/accounts")
    assert seen == ("/accounts", "/accounts/login")


def test_without_a_path_nothing_is_removed(make_app: MakeApp) -> None:
    assert _seen(make_app(), "/accounts/login") == ("", "/accounts/login")


def _client(make_app: MakeApp, **settings: str) -> Client:
    return Client(make_app(**settings).wsgi_app)


@pytest.mark.parametrize("path", ["/health/live", "/accounts/health/live"])
def test_health_answers_below_the_path_and_without_it(make_app: MakeApp, path: str) -> None:
    """Load balancers connect to the port of the app directly."""
    assert _client(make_app, PUBLIC_URL=BELOW).get(path).status_code == 200


@pytest.mark.parametrize("path", ["/accounts", "/accounts/"])
def test_home_is_at_the_path_with_and_without_a_slash(make_app: MakeApp, path: str) -> None:
    answer = _client(make_app, PUBLIC_URL=BELOW).get(path)
    assert answer.status_code == 200
    assert 'href="/accounts/register"' in answer.text
