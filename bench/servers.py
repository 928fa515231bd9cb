"""The processes of a run: gunicorn with each app, the mail worker, a mail server."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from bench.load import Tally

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = 30.0  # seconds
OURS, FLOOR = "app:create_app()", "bench.floor:create_app()"
# Gunicorn's processes where hashes keep every core busy: the default of ours.
WORKERS = 2
PEER = "bench.peer.app:create_app()"
PEER_PYTHON = ROOT / ".venv-peer" / "bin" / "python"
_KEY = "only-for-the-benchmark-0123456789abcdef"


def settings(mongodb_uri: str, smtp_port: int = 1, **more: str) -> dict[str, str]:
    """Production's settings, with rate limits off: they would stop the load."""
    return {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": _KEY,
        "SECURITY_PASSWORD_SALT": _KEY,
        "MONGODB_URI": mongodb_uri,
        "PUBLIC_URL": "https://app.example.org",
        "APP_MAIL_SERVER": "127.0.0.1",
        "APP_MAIL_PORT": str(smtp_port),
        "APP_MAIL_USE_SSL": "false",
        "APP_MAIL_DEFAULT_SENDER": "no-reply@example.org",
        "RATELIMIT_ENABLED": "false",
        **more,
    }


class Process:
    """A Python process that ends with the `with` block; its errors go to a file."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        log: Path,
        *,
        stdout: int = subprocess.DEVNULL,
        python: str = sys.executable,
    ) -> None:
        self._log = log
        with log.open("ab") as errors:
            self.popen = subprocess.Popen(
                [python, *command],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=errors,
                text=True,
            )

    @property
    def lines(self) -> IO[str]:
        """Its standard output, if it was started with a pipe."""
        assert self.popen.stdout
        return self.popen.stdout

    def fail(self, what: str) -> RuntimeError:
        """The error to raise, with the end of the log."""
        return RuntimeError(f"{what}:\n{self._log.read_text()[-2000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.terminate()
        try:
            self.popen.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        if self.popen.stdout:
            self.popen.stdout.close()


class Web(Process):
    """Gunicorn. It writes its access log as in production; the log goes to /dev/null."""

    def __init__(self, app: str, env: Mapping[str, str], log: Path, workers: int) -> None:
        self.port = _free_port()
        # No worker is replaced while it is measured.
        command = ["-m", "gunicorn", app, f"--bind=127.0.0.1:{self.port}", "--max-requests=0"]
        if app != OURS:
            command.append("--config=bench/floor/serving.py")
        python = str(PEER_PYTHON) if app == PEER else sys.executable
        super().__init__(command, {**env, "WEB_CONCURRENCY": str(workers)}, log, python=python)

    def wait_for_answer(self, path: str = "/login") -> float:
        """Waits for the first answer 200; returns its moment, of `time.monotonic`."""
        deadline = time.monotonic() + _PATIENCE
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        while time.monotonic() < deadline and self.popen.poll() is None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection,
            ):
                connection.sendall(request)
                if connection.recv(12).endswith(b" 200"):
                    return time.monotonic()
            time.sleep(0.005)
        raise self.fail("gunicorn does not answer")

    @property
    def pids(self) -> list[int]:
        """The master first, then its workers."""
        master = self.popen.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text()
        return [master, *map(int, children.split())]


class Sink(Process):
    """A mail server that takes every mail, after it has let the sender wait for some seconds."""

    def __init__(self, env: Mapping[str, str], log: Path, seconds: float) -> None:
        command = ["-m", "bench.sink", str(seconds)]
        super().__init__(command, env, log, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        first = self.lines.readline()
        if not first:
            raise self.fail("the mail server did not start")
        self.port = int(first)
        return super().__enter__()

    def take(self, number: int) -> Tally:
        """Waits for so many mails; returns when each was taken, counted from the first."""
        moments = [float(self.lines.readline()) for _ in range(number)]
        return Tally(moments[0], moments[1:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
