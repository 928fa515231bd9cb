"""Settings of `gunicorn 'app:create_app()'`; gunicorn reads this file when it starts in this
folder.

The address to listen on is given by `--bind`, or by PORT for all addresses.
"""

import gc
import json
import os
import re
import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from logging import INFO, LogRecord
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gunicorn.util
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.util import write_error


def _number(name: str, default: str) -> str:
    """A setting that gunicorn reads too. If it is invalid, `on_starting` reports it."""
    value = os.environ.get(name, "").strip()
    return value if re.fullmatch("[1-9][0-9]{0,3}", value) else default


# Threads, because requests wait for MongoDB and for their turn to hash. config.py reads both
# numbers too, and leaves half of the threads for pages. With gunicorn's own "gthread", slow clients
# could keep every thread.
worker_class = "app.server.worker.Worker"
workers = _number("WEB_CONCURRENCY", "2")
threads = _number("WEB_THREADS", "64")

# `preload_app` must not be used, because a MongoClient must be made after the fork.

# Connections of each process. At this limit the connection that has waited longest is closed. With
# the connections to MongoDB, a process needs fewer than 1024 file descriptors, the usual limit.
worker_connections = 500

# Seconds. No page takes longer than 5, even if MongoDB does not answer.
timeout = 30
graceful_timeout = 15
keepalive = 5

# The maximum of gunicorn, which answers 414 to a longer URL. 0 would be unlimited.
limit_request_line = 8190

# Bytes of a header field. The app has a page for cookies above 8 kB (431), so they must reach the
# app.
limit_request_field_size = 64 * 1024

# Only TRUSTED_PROXIES decides about X-Forwarded-*. Gunicorn would trust these headers from
# 127.0.0.1.
forwarded_allow_ips = ""

# Workers touch a file to show that they run. On a busy disk that can take too long.
in_memory = Path("/dev/shm")  # noqa: S108 (memory, not a shared file)
worker_tmp_dir = str(in_memory) if in_memory.is_dir() else None

# Gunicorn would make its control socket in the home directory. It is not used here.
control_socket_disable = True

_METRICS, _PREFIX = "PROMETHEUS_MULTIPROC_DIR", "latchkey-metrics-"


def _metrics_folder() -> Path:
    """The folder in which the workers of this gunicorn keep their counts for `/metrics`.

    Its name has the id of the master process. So it is found when the settings are read again
    (HUP), and a new master (USR2) makes its own. A folder whose master no longer runs was left by a
    killed one and is deleted.
    """
    named = Path(os.environ.get(_METRICS) or worker_tmp_dir or tempfile.gettempdir())
    parent = named.parent if named.name.startswith(_PREFIX) else named
    mine = parent / f"{_PREFIX}{os.getpid()}"
    if mine != named:
        for other in parent.glob(f"{_PREFIX}*"):
            if other == mine or not _runs(other.name.removeprefix(_PREFIX)):
                shutil.rmtree(other, ignore_errors=True)
        # Fails if another user has made the folder, because we would trust its contents.
        mine.mkdir(mode=0o700)
    return mine


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass  # another user's process
    return True


# Must be set before anything imports prometheus_client.
os.environ[_METRICS] = str(_metrics_folder())

accesslog = "-"


class JsonLogger(Logger):
    """Gunicorn's logs as JSON lines, like the logs of the app, and without the tokens of links."""

    def setup(self, cfg: Config) -> None:
        from app.observability.logs import Redacting, formatter, redact

        super().setup(cfg)
        self._redact = redact
        self.error_log.addFilter(Redacting())
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter())

    def access(self, resp: Any, req: Any, environ: Any, request_time: timedelta) -> None:
        """Logs one answer.

        Query strings and Referer are left out, because `next=` may have the path of a link with its
        token. Gunicorn's own format string cannot redact, and it cannot escape for JSON.
        """
        # A request that gunicorn could not parse has no path.
        path = quote(environ.get("PATH_INFO", ""), encoding="latin-1")
        line = {
            "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "event": "answered",
            "address": environ.get("REMOTE_ADDR", ""),
            "method": environ.get("REQUEST_METHOD", ""),
            # Redacted before it becomes JSON, whose escapes could hide where a token ends.
            "path": self._redact(path),
            "status": int(str(resp.status).partition(" ")[0]),
            "bytes": resp.sent,
            "seconds": request_time.total_seconds(),
            "browser": self._redact(environ.get("HTTP_USER_AGENT", "")),
            "request_id": dict(resp.headers).get("X-Request-ID", ""),
            "logger": self.access_log.name,
        }
        # Not `info`, which looks for the line of code that calls it.
        record = LogRecord(self.access_log.name, INFO, "", 0, json.dumps(line), None, None)
        self.access_log.handle(record)


logger_class = JsonLogger

# The app is imported before the first fork. That makes little garbage, and looking for it would
# take a seventh of the start-up time.
gc.disable()


def pre_fork(_arbiter: Any, _worker: Any) -> None:
    """Turns garbage collection on, for the master and its workers.

    Collections skip what is imported, so each worker goes on sharing this memory with the master.
    """
    gc.freeze()
    gc.enable()


def post_worker_init(_worker: Any) -> None:
    """Makes garbage collections skip imported modules, which live as long as the process."""
    gc.collect()
    gc.freeze()


def on_starting(_arbiter: Any) -> None:
    """Ends the master when a setting is wrong. Otherwise it would start workers again and again."""
    import config

    try:
        config.load()
    except config.ConfigError as error:
        _remove_metrics()
        sys.exit(str(error))


def on_exit(_server: Any) -> None:
    """Deletes the folder of the metrics."""
    _remove_metrics()


def _remove_metrics() -> None:
    shutil.rmtree(os.environ[_METRICS], ignore_errors=True)


# Advice for people whose request gunicorn refuses before the app sees it.
_ADVICE = {
    414: "This link is too long. Copy it from the mail again.",
    431: "Your browser sends too many cookies. Delete the cookies of this site and of the domain"
    " above it in the settings of your browser, then open this page again.",
}


def _write_error(sock: Any, status: int, reason: str, message: str) -> None:
    write_error(sock, status, reason, _ADVICE.get(status, message))


gunicorn.util.write_error = _write_error
