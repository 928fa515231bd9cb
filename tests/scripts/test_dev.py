"""scripts/dev.py, the script of `make run`, in a separate process and a copy of the project."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from functools import partial
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from bs4 import BeautifulSoup
from pymongo import MongoClient

from scripts.mongod import Mongod
from tests.mailbox import Mail
from tests.processes import free_port, runs, wait_until

ROOT = Path(__file__).resolve().parents[2]


class Dev:
    """A running `scripts/dev.py`."""

    def __init__(self, project: Path, *options: str, **variables: str) -> None:
        self.port = free_port()
        self.instance = project / "instance"
        self._printed = project / f"output-{self.port}"
        settings = {"PATH": os.environ["PATH"], "HOME": str(project), "PORT": str(self.port)}
        with self._printed.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "scripts/dev.py", *options],
                cwd=project,
                env=settings | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a process group, as a shell makes one for each command
            )
        self._browser = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(CookieJar()), NoRedirect()
        )

    @property
    def output(self) -> str:
        """What the script has printed until now."""
        return self._printed.read_text()

    def ready(self) -> "Dev":
        """Waits until the script prints its address."""
        wait_until(lambda: "Ctrl-C" in self.output or self.process.poll() is not None)
        assert self.process.poll() is None, self.output
        return self

    def open(self, path: str, **fields: str) -> HTTPResponse:
        """Opens a page, or sends its form if there are fields."""
        url = f"http://127.0.0.1:{self.port}{path}"
        if not fields:
            return self._browser.open(url, timeout=10)  # type: ignore[no-any-return]
        page = BeautifulSoup(self._browser.open(url, timeout=10), "html.parser")
        token = page.find("input", attrs={"name": "csrf_token"})
        assert token is not None
        data = urlencode({"csrf_token": token["value"], **fields}).encode()
        return self._browser.open(url, data, timeout=10)  # type: ignore[no-any-return]

    def status(self, path: str) -> int:
        """The status of a page, also of an error; 0 if there is no answer."""
        try:
            return self.open(path).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def mail(self) -> Mail:
        """Waits for the first mail."""
        folder = self.instance / "mail"
        wait_until(lambda: list(folder.glob("*.eml")))
        first = min(folder.glob("*.eml"))
        return Mail(message_from_bytes(first.read_bytes(), policy=policy.default))

    def mongod_pid(self) -> int:
        """The process id of the database."""
        with MongoClient[dict[str, Any]]((self.instance / "mongodb.uri").read_text()) as client:
            return int(client.admin.command("serverStatus")["pid"])

    def end(self, signum: signal.Signals = signal.SIGINT) -> int:
        """Sends a signal to the process group, as a terminal does. Returns the exit status."""
        os.killpg(self.process.pid, signum)
        return self.process.wait(30)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Returns redirects as answers."""

    def http_error_302(self, request, response, code, message, headers):  # type: ignore[no-untyped-def]
        """Returns the redirect."""
        return response


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new copy of the project, without data."""
    for folder in ("app", "scripts", "settings"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "config.py", tmp_path)
    return tmp_path


@pytest.fixture
def start(project: Path) -> Iterator[Callable[..., Dev]]:
    """Starts development servers and kills those that still run after the test."""
    started: list[Dev] = []

    def start(*options: str, **variables: str) -> Dev:
        started.append(Dev(project, *options, **variables))
        return started[-1]

    yield start
    for dev in started:
        dev.process.kill()
        dev.process.wait()


@pytest.fixture
def no_mongod(tmp_path: Path) -> str:
    """A PATH with a mongod that cannot load a library."""
    binary = tmp_path / "bin" / "mongod"
    binary.parent.mkdir()
    binary.write_text(
        "#!/bin/sh\necho 'mongod: error while loading shared libraries: libcurl.so.4: cannot open"
        " shared object file: No such file or directory' >&2\nexit 127\n"
    )
    binary.chmod(0o755)
    return f"{binary.parent}{os.pathsep}{os.environ['PATH']}"


ACCOUNT = {"email": "ada@example.com", "password": "correct horse battery staple"}


def test_ctrl_c_ends_all_processes_and_the_next_start_has_the_account(
    start: Callable[..., Dev], mongod: Mongod
) -> None:
    dev = start().ready()
    assert dev.open("/").status == 200
    assert dev.open("/register", **ACCOUNT, confirm=ACCOUNT["password"]).status == 302
    mail = dev.mail()
    assert f"http://localhost:{dev.port}{mail.link}" in mail.text
    assert dev.open(mail.link).status == 200
    database = dev.mongod_pid()

    assert dev.end(signal.SIGINT) == 0
    assert not runs(database)
    assert not (dev.instance / "mongodb.uri").exists()
    assert "Traceback" not in dev.output
    assert "GET /confirm/- " in dev.output
    assert mail.link.removeprefix("/confirm/") not in dev.output

    next_start = start().ready()
    signed_in = next_start.open("/login", **ACCOUNT)
    assert (signed_in.status, signed_in.headers["Location"]) == (302, "/unconfirmed")
    assert next_start.end(signal.SIGTERM) == 0
    assert "Traceback" not in next_start.output


def test_a_killed_server_leaves_no_database_running(
    start: Callable[..., Dev], mongod: Mongod
) -> None:
    dev = start().ready()
    database = dev.mongod_pid()
    dev.process.kill()
    wait_until(lambda: not runs(database))
    assert start().ready().open("/").status == 200


def test_a_second_server_on_the_same_data_is_refused(
    start: Callable[..., Dev], mongod: Mongod
) -> None:
    first = start().ready()
    second = start()
    assert second.process.wait(30) == 1
    assert "in use by another running mongod" in second.output
    assert "Traceback" not in second.output
    assert first.open("/").status == 200


def test_without_mongod_the_output_names_the_package_and_accounts_are_in_memory(
    start: Callable[..., Dev], no_mongod: str
) -> None:
    dev = start(PATH=no_mongod).ready()
    assert "apt install libcurl4" in dev.output
    assert "all accounts will be gone at exit" in dev.output
    assert dev.open("/register", **ACCOUNT, confirm=ACCOUNT["password"]).status == 302
    assert dev.open(dev.mail().link).status == 200
    assert dev.end(signal.SIGTERM) == 0
    assert "Traceback" not in dev.output


def test_with_reload_changed_code_restarts_the_server_and_keeps_the_database(
    start: Callable[..., Dev], project: Path, mongod: Mongod
) -> None:
    dev = start("--reload").ready()
    assert dev.open("/register", **ACCOUNT, confirm=ACCOUNT["password"]).status == 302
    database = dev.mongod_pid()
    view = project / "app" / "main" / "home.py"
    view.write_text(view.read_text() + '\n\nbp.get("/new")(lambda: "hello")\n')
    wait_until(lambda: dev.output.count("Ctrl-C") == 2)
    assert dev.open("/new").read() == b"hello"
    assert dev.open("/login", **ACCOUNT).headers["Location"] == "/unconfirmed"
    assert dev.mongod_pid() == database
    assert dev.end(signal.SIGINT) == 0
    assert not runs(database)


@pytest.mark.parametrize("options", [(), ("--reload",)], ids=["make run", "make dev"])
def test_a_database_that_dies_is_restarted_and_pages_work_again(
    start: Callable[..., Dev], mongod: Mongod, options: tuple[str, ...]
) -> None:
    dev = start(*options).ready()
    assert dev.open("/register", **ACCOUNT, confirm=ACCOUNT["password"]).status == 302
    database = dev.mongod_pid()
    os.kill(database, signal.SIGKILL)
    wait_until(lambda: "MongoDB has ended (status -9); starting it again" in dev.output)
    assert dev.mongod_pid() != database
    wait_until(lambda: dev.status("/health/ready") == 200)
    assert dev.open("/unconfirmed").status == 200
    assert dev.end(signal.SIGINT) == 0
    assert not (dev.instance / "mongodb.uri").exists()
    assert dev.output.count("starting it again") == 1, (
        "the end of the script is not a crash of the database"
    )


def restarted(dev: Dev, times: int) -> bool:
    """Whether MongoDB has been restarted this often."""
    return dev.output.count("starting it again") == times


def test_a_database_that_dies_three_times_ends_the_script_with_a_message(
    start: Callable[..., Dev], mongod: Mongod
) -> None:
    dev = start().ready()
    for times in (1, 2):
        os.kill(dev.mongod_pid(), signal.SIGKILL)
        wait_until(partial(restarted, dev, times))
    os.kill(dev.mongod_pid(), signal.SIGKILL)
    assert dev.process.wait(30) == 1
    last = dev.output.splitlines()[-1]
    assert re.fullmatch(
        r"MongoDB has ended 3 times in a short time; the last time: .*status -9.*", last
    )
    assert "Traceback" not in dev.output


def test_a_database_that_cannot_be_restarted_ends_the_script_with_a_message(
    start: Callable[..., Dev], mongod: Mongod
) -> None:
    dev = start().ready()
    database = dev.mongod_pid()
    # MongoDB does not start with this data.
    (dev.instance / "mongodb" / "WiredTiger.turtle").write_text("damaged")
    os.kill(database, signal.SIGKILL)
    assert dev.process.wait(60) == 1
    assert "mongod ended with status" in dev.output.splitlines()[-1]


def test_a_taken_port_is_one_line(start: Callable[..., Dev], no_mongod: str) -> None:
    first = start(PATH=no_mongod).ready()
    second = start(PATH=no_mongod, PORT=str(first.port))
    assert second.process.wait(30) == 1
    assert second.output.count("\n") == 1
    assert f"Port {first.port} cannot be used (Address already in use)" in second.output


def test_all_invalid_settings_are_named_at_start(start: Callable[..., Dev]) -> None:
    dev = start(PORT="http", BCRYPT_LOG_ROUNDS="99")
    assert dev.process.wait(30) == 1
    assert "PORT must be" in dev.output
    assert "BCRYPT_LOG_ROUNDS must be" in dev.output
    assert "Traceback" not in dev.output


def test_an_unreachable_database_is_an_error_without_a_traceback(start: Callable[..., Dev]) -> None:
    uri = f"mongodb://127.0.0.1:{free_port()}/latchkey?timeoutMS=300"
    dev = start(MONGODB_URI=uri)
    assert dev.process.wait(30) == 1
    assert dev.output.startswith("MongoDB: ")
    assert "Traceback" not in dev.output
