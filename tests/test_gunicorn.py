"""gunicorn.conf.py, with a running gunicorn."""

import gc
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.processes import free_port, wait_until

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "WyI2NTAx.ZzQ-aA.AbC_123-xyz"


class Gunicorn:
    """A running gunicorn with the command of production, one worker, and its output in a file."""

    def __init__(self, output: Path, app: str = "app:create_app()", **settings: str) -> None:
        self.port = free_port()
        self._output = output
        with output.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", app],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "WEB_CONCURRENCY": "1",
                    "GUNICORN_CMD_ARGS": f"--bind=127.0.0.1:{self.port}",
                    **settings,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """What gunicorn has logged until now."""
        return self._output.read_text()

    @property
    def answered(self) -> list[dict[str, Any]]:
        """The lines of the access log."""
        lines = [line for line in self.output.splitlines() if '"answered"' in line]
        return [json.loads(line) for line in lines]

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str]]:
        """Status and headers of a page."""
        return self.read(path, **headers)[:2]

    def read(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        """Status, headers and text of a page."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(
            "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, dict(response.headers), text


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Gunicorn]:
    """Runs a gunicorn for a `with` block, and checks that it ends without an error."""
    server = Gunicorn(folder / "log", APP_SETTINGS="config.TestingConfig", **settings)
    wait_until(lambda: "Booting worker" in server.output)
    yield server
    server.process.terminate()
    assert server.process.wait(30) == 0


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """The gunicorn of the tests in this module."""
    with serving(tmp_path_factory.mktemp("gunicorn")) as server:
        yield server


@pytest.mark.parametrize("proxies", ["0", "1"])
def test_what_a_proxy_says_about_the_opened_page_arrives(tmp_path: Path, proxies: str) -> None:
    apps = {"TRUSTED_APPS": "wiki.example.org:8443", "TRUSTED_PROXIES": proxies}
    with serving(tmp_path, **apps) as server:
        status, headers = server.get(
            "/api/v1/verify?redirect=true",
            Sec_Fetch_Mode="navigate",
            X_Forwarded_Proto="https",
            X_Forwarded_Host="wiki.example.org:8443",
            X_Forwarded_Uri="/page?a=b",
        )
    assert status == 302
    wanted = "https%3A%2F%2Fwiki.example.org%3A8443%2Fpage%3Fa%3Db"
    assert headers["Location"] == f"http://localhost:5000/login?next={wanted}"


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        (f"/confirm/{TOKEN}", "/confirm/-"),
        (f"/%63onfirm/{TOKEN}%20x", "/confirm/-"),
        (f"/reset/{TOKEN}", "/reset/-"),
        (f"/login?next=%2Fconfirm%2F{TOKEN}", "/login"),
        ("/a%0D%0Ab", "/a%0D%0Ab"),
    ],
)
def test_no_token_of_a_link_is_logged(gunicorn: Gunicorn, path: str, logged: str) -> None:
    gunicorn.get(path, Referer=f"https://app.example.org/reset/{TOKEN}")
    wait_until(lambda: logged in {line["path"] for line in gunicorn.answered})
    assert TOKEN not in gunicorn.output


def test_each_answer_is_one_json_line_whatever_the_user_agent_is(gunicorn: Gunicorn) -> None:
    named = 'one "quoted"\u00e9\x85 /reset/x"} "'.encode().decode("latin-1")
    status, headers, text = gunicorn.read("/login", User_Agent=named)
    name = headers["X-Request-ID"]
    wait_until(lambda: name in gunicorn.output)
    (line,) = [line for line in gunicorn.answered if line["request_id"] == name]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/login", status)
    assert (line["bytes"], line["browser"]) == (len(text.encode()), named.replace("/x", "/-"))
    assert 0 < line["seconds"] < 60


def test_an_invalid_request_is_answered_and_logged(gunicorn: Gunicorn) -> None:
    before = len(gunicorn.answered)
    with socket.create_connection(("127.0.0.1", gunicorn.port), timeout=10) as connection:
        connection.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    wait_until(lambda: len(gunicorn.answered) > before)
    assert gunicorn.answered[-1]["status"] == 400


def test_an_invalid_request_line_is_logged_without_its_token(gunicorn: Gunicorn) -> None:
    with socket.create_connection(("127.0.0.1", gunicorn.port), timeout=10) as connection:
        connection.sendall(f"GET /confirm/{TOKEN}\x01 HTTP/1.1\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    wait_until(lambda: "Invalid request" in gunicorn.output)
    assert TOKEN not in gunicorn.output


@pytest.mark.parametrize(("length", "status"), [(8000, 404), (100_000, 414)])
def test_a_long_link_is_a_404_and_a_too_long_one_a_414(
    gunicorn: Gunicorn, length: int, status: int
) -> None:
    assert gunicorn.get("/confirm/" + "x" * length)[0] == status


def test_forwarded_headers_are_ignored_by_default(gunicorn: Gunicorn) -> None:
    _, headers = gunicorn.get("/", X_Forwarded_Proto="https")
    assert "Strict-Transport-Security" not in headers


def test_missing_settings_stop_gunicorn_with_one_message(tmp_path: Path) -> None:
    server = Gunicorn(tmp_path / "log", SECRET_KEY="short")
    assert server.process.wait(30) == 1
    assert server.output.count("Latchkey cannot start") == 1
    for name in ("SECRET_KEY", "SECURITY_PASSWORD_SALT", "PUBLIC_URL", "MONGODB_URI"):
        assert f"  - {name} " in server.output
    assert "Traceback" not in server.output
    assert "Booting worker" not in server.output


def whether_it_collects(_environ: Any, start_response: Any) -> list[bytes]:
    """A WSGI app."""
    start_response("200 OK", [])
    return [str(gc.isenabled()).encode()]


def test_a_worker_collects_garbage_although_the_start_does_not(tmp_path: Path) -> None:
    app = "tests.test_gunicorn:whether_it_collects"
    with serving(tmp_path, app=app) as server:
        assert server.read("/")[2] == "True"
