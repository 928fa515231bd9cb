"""Real processes that tests kill and stop: gunicorn, the mail worker, MongoDB; people over HTTP."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from werkzeug.test import Client

from scripts.mongod import Mongod
from tests.processes import free_port, wait_until
from tests.visitor import Visitor

ROOT = Path(__file__).resolve().parents[2]
# How often a test repeats a kill; a soak test sets more.
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "3"))

SETTINGS = {
    "PATH": os.environ["PATH"],
    "APP_SETTINGS": "config.ProductionConfig",
    "SECRET_KEY": "only-for-tests-secret-key-0123456789",
    "SECURITY_PASSWORD_SALT": "only-for-tests-password-salt-0123456789",
    "PUBLIC_URL": "https://app.example.org",
    "APP_MAIL_SERVER": "127.0.0.1",
    "APP_MAIL_PORT": "1",
    "APP_MAIL_USE_SSL": "false",
    "APP_MAIL_DEFAULT_SENDER": "no-reply@example.org",
    "SESSION_COOKIE_SECURE": "false",
    "RATELIMIT_ENABLED": "false",
    "RESEND_COOLDOWN": "0",
    "BCRYPT_LOG_ROUNDS": "4",
}


class Process:
    """A process and its children, with their output in a file."""

    command: tuple[str, ...] = ()

    def __init__(self, output: Path, **settings: str) -> None:
        self._output = output
        self.settings = SETTINGS | settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it in its own process group, so that all of it can be killed."""
        with self._output.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.command],
                cwd=ROOT,
                env=self.settings,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Sends SIGKILL to all of it, as the kernel does when memory is short."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                self.signal_all(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def signal_all(self, signum: signal.Signals) -> None:
        """Sends a signal to the process and its children."""
        assert self._process
        os.killpg(self._process.pid, signum)

    def wait(self, seconds: float = 30) -> int:
        """Waits for the end and returns the exit status."""
        assert self._process
        return self._process.wait(seconds)

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """The output so far."""
        return self._output.read_text()


class MailWorker(Process):
    """`scripts/send_mail.py`."""

    command = ("scripts/send_mail.py",)


class Web(Process):
    """gunicorn, as in production."""

    command = ("-m", "gunicorn", "app:create_app()")

    def __init__(self, output: Path, **settings: str) -> None:
        self.port = free_port()
        served = {"WEB_CONCURRENCY": "2", "GUNICORN_CMD_ARGS": f"--bind=127.0.0.1:{self.port}"}
        super().__init__(output, **(served | settings))

    def start(self) -> None:
        """Starts it and waits until it answers."""
        super().start()
        wait_until(lambda: self.answer("/health/live")[0] == 200)

    def answer(self, path: str) -> tuple[int, str]:
        """Status and body of a page; status 0 if nothing answers."""
        try:
            page = Client(self.forward).get(path)
        except (OSError, HTTPException):
            return 0, ""
        return page.status_code, page.text

    def forward(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """A WSGI application that forwards to this server, so that werkzeug's client can use it.

        Raises:
            OSError, HTTPException: the server closes the connection without an answer.
        """
        headers = {
            name[5:].replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        headers |= {"Content-Type": environ.get("CONTENT_TYPE", "")}
        path = environ["PATH_INFO"] + ("?" + environ["QUERY_STRING"]).rstrip("?")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(environ["REQUEST_METHOD"], path, body, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        start(f"{response.status} {response.reason}", response.getheaders())
        return [content]


class Person(Visitor):
    """A person with a browser, over HTTP."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.client = Client(web.forward)  # type: ignore[assignment]

    def tab(self) -> "Person":
        """Another tab of the same browser."""
        other = Person(self.web)
        for name in ("session", "device"):
            if cookie := self.client.get_cookie(name):
                other.client.set_cookie(name, cookie.value)
        return other


class _Member(Mongod):
    """A member of a replica set, which becomes primary only by an election."""

    def _wait_until_it_is_primary(self) -> None:
        """Does nothing: `ReplicaSet` starts the election later."""


class ReplicaSet:
    """Three mongods on 127.0.0.1 with a short election timeout."""

    def __init__(self, folder: Path) -> None:
        self.members: list[Mongod] = []
        self._folder = folder

    def start(self) -> None:
        """Starts the members and initiates the set; a write waits for the primary."""
        for n in range(3):
            self.members.append(_Member.start(self._folder / f"member{n}"))
        hosts = [f"127.0.0.1:{member.port}" for member in self.members]
        config = {
            "_id": "rs0",
            "members": [{"_id": n, "host": host} for n, host in enumerate(hosts)],
            "settings": {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 300},
        }
        with MongoClient[dict[str, Any]](hosts[0], directConnection=True) as client:
            client.admin.command("replSetInitiate", config)

    def uri(self, database: str) -> str:
        """A URI that names all members."""
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        return f"mongodb://{hosts}/{database}?replicaSet=rs0"

    def member(self, port: int) -> Mongod:
        """The member that listens on the port."""
        return next(member for member in self.members if member.port == port)

    def stop(self) -> None:
        """Kills all members, so that none waits for a majority."""
        for member in self.members:
            member.kill()
