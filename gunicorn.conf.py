"""How `gunicorn 'app:create_app()'` serves; gunicorn reads it when it starts in this folder.

Gunicorn itself says where to listen: `--bind`, or PORT, which means all addresses.
"""

import gc
import json
import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gunicorn.config import Config
from gunicorn.glogging import Logger

# Threads, because requests wait for MongoDB and for their turn to hash. config.py reads both
# numbers too: it leaves half of the threads to pages. Gunicorn's own "gthread" lets slow clients
# keep every thread.
worker_class = "app.server.worker.Worker"
workers = os.environ.get("WEB_CONCURRENCY", "2")
threads = os.environ.get("WEB_THREADS", "64")

# Never `preload_app`: a MongoClient must be made after the fork.

# Connections of each process; past that, the one that has waited longest is closed. With those to
# MongoDB it needs fewer than 1024 file descriptors, the usual limit.
worker_connections = 500

# Seconds. No page takes longer than 5, whatever MongoDB does.
timeout = 30
graceful_timeout = 15
keepalive = 5

# The longest that gunicorn allows; a longer link gets gunicorn's own 414. Not 0, which would buffer
# a line that never ends.
limit_request_line = 8190

# Only TRUSTED_PROXIES says whose X-Forwarded-* counts; gunicorn would believe any from 127.0.0.1.
forwarded_allow_ips = ""

# Workers prove that they live by touching a file: on a busy disk that can take too long.
in_memory = Path("/dev/shm")  # noqa: S108 (memory, not a shared file)
worker_tmp_dir = str(in_memory) if in_memory.is_dir() else None

# Gunicorn's control socket would be made in the home directory, and is not used here.
control_socket_disable = True

_METRICS, _PREFIX = "PROMETHEUS_MULTIPROC_DIR", "latchkey-metrics-"


def _metrics_folder() -> Path:
    """The folder in which this gunicorn's workers count what `/metrics` adds up.

    It bears the id of the master process: settings that are read again (HUP) find it again, and a
    new master (USR2) makes its own. A folder whose master is gone was left by a kill.
    """
    named = Path(os.environ.get(_METRICS) or worker_tmp_dir or tempfile.gettempdir())
    parent = named.parent if named.name.startswith(_PREFIX) else named
    mine = parent / f"{_PREFIX}{os.getpid()}"
    if mine != named:
        for other in parent.glob(f"{_PREFIX}*"):
            if other == mine or not _runs(other.name.removeprefix(_PREFIX)):
                shutil.rmtree(other, ignore_errors=True)
        # Fails if another user has made it: what is in it would be trusted.
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


# Before anything imports prometheus_client.
os.environ[_METRICS] = str(_metrics_folder())

accesslog = "-"


class JsonLogger(Logger):
    """Gunicorn's logs as JSON lines like the app's, without the tokens of links."""

    def setup(self, cfg: Config) -> None:
        from app.observability.logs import Redacting, formatter

        super().setup(cfg)
        self.error_log.addFilter(Redacting())
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter())

    def access(self, resp: Any, req: Any, environ: Any, request_time: timedelta) -> None:
        """Logs one answer.

        Without query strings and Referer: `next=` may hold the path of a link, and so its token.
        A format string of gunicorn's could neither redact nor escape for JSON.
        """
        from app.observability.logs import redact

        # A request that gunicorn could not read has no path.
        path = quote(environ.get("PATH_INFO", ""), encoding="latin-1")
        line = {
            "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "event": "answered",
            "address": environ.get("REMOTE_ADDR", ""),
            "method": environ.get("REQUEST_METHOD", ""),
            # Before it becomes JSON: a token may seem to end anywhere.
            "path": redact(path),
            "status": int(str(resp.status).partition(" ")[0]),
            "bytes": resp.sent,
            "seconds": request_time.total_seconds(),
            "browser": redact(environ.get("HTTP_USER_AGENT", "")),
            "request_id": dict(resp.headers).get("X-Request-ID", ""),
            "logger": self.access_log.name,
        }
        self.access_log.info("%s", json.dumps(line))


logger_class = JsonLogger


def post_worker_init(_worker: Any) -> None:
    """Garbage collections skip what was imported: it lives as long as the process."""
    gc.collect()
    gc.freeze()


def on_starting(_arbiter: Any) -> None:
    """Ends the master when a setting is missing: its workers would be started over and over."""
    import config

    try:
        config.load()
    except config.ConfigError as error:
        _remove_metrics()
        sys.exit(str(error))


def on_exit(_server: Any) -> None:
    """Leaves no folder behind."""
    _remove_metrics()


def _remove_metrics() -> None:
    shutil.rmtree(os.environ[_METRICS], ignore_errors=True)
