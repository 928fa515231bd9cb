"""The processes that are measured: gunicorn with either app, the mail worker, a mail server."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = 30.0  # seconds
OURS, FLOOR = "app:create_app()", "bench.floor:create_app()"
_KEY = "only-for-the-benchmark-0123456789abcdef"


def settings(mongodb_uri: str, smtp_port: int = 1, **more: str) -> dict[str, str]:
    """Production's settings, but that nothing is limited: a load is what limits are against."""
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
    """A process of ours that ends with the `with` block; its errors are in a file."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], log: Path, stdout: int | None = None
    ) -> None:
        self._log = log
        with log.open("ab") as errors:
            self.popen = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if stdout is None else stdout,
                stderr=errors,
                text=True,
            )

    @property
    def lines(self) -> IO[str]:
        """What it prints, if it was started with a pipe."""
        assert self.popen.stdout
        return self.popen.stdout

    def fail(self, what: str) -> RuntimeError:
        """What to raise: with the last it said."""
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
    """Gunicorn. The access log is written as in production, to where nobody reads it."""

    def __init__(self, app: str, env: Mapping[str, str], log: Path, workers: int) -> None:
        self.port = _free_port()
        # No worker is replaced while it is measured.
        command = ["-m", "gunicorn", app, f"--bind=127.0.0.1:{self.port}", "--max-requests=0"]
        if app == FLOOR:
            command.append("--config=bench/floor/serving.py")
        super().__init__(command, {**env, "WEB_CONCURRENCY": str(workers)}, log)

    def wait_for_answer(self, path: str = "/login") -> float:
        """The moment (of `time.monotonic`) at which a page was answered for the first time."""
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
