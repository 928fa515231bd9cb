"""How `gunicorn 'app:create_app()'` serves; read by gunicorn when started in this directory.

Where it listens is gunicorn's own business: `--bind`, or PORT, which means all addresses.
"""

import gc
import itertools
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

# Threads, because requests wait: for MongoDB, for their turn to hash, to be refused. config.py,
# which reads both numbers too, keeps a fifth of the threads for pages, whatever the others do.
worker_class = "gthread"
workers = os.environ.get("WEB_CONCURRENCY", "2")
threads = os.environ.get("WEB_THREADS", "64")

# Never `preload_app`: a MongoClient must be made after the fork.

# A worker is replaced now and then, in case memory leaks; the jitter keeps them from going at once.
max_requests = 10_000
max_requests_jitter = 2_000

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

# Nobody manages it through a socket, which would be made in the home directory.
control_socket_disable = True

# The folder in which the workers count what `/metrics` adds up (app/observability/metrics.py).
_METRICS, _PREFIX = "PROMETHEUS_MULTIPROC_DIR", "latchkey-metrics-"


def _shared_folder() -> str:
    """This master's own, in the one that the operator names or in memory. Kept when settings are
    read again (HUP), and not taken over from the master that has started this one (USR2)."""
    named = os.environ.get(_METRICS, "")
    made = Path(named).name.startswith(_PREFIX)
    if made and "GUNICORN_PID" not in os.environ:
        return named
    parent = str(Path(named).parent) if made else named or worker_tmp_dir
    return tempfile.mkdtemp(prefix=_PREFIX, dir=parent)


# Before anything imports prometheus_client.
os.environ[_METRICS] = _shared_folder()


def _forget_folder() -> None:
    shutil.rmtree(os.environ[_METRICS], ignore_errors=True)


accesslog = "-"


class JsonLogger(Logger):
    """Gunicorn's logs, a JSON object a line as the app's, without the tokens of links."""

    def setup(self, cfg: Config) -> None:
        from app.observability.logs import Redacting, formatter

        super().setup(cfg)
        self.error_log.addFilter(Redacting())
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter())

    def access(self, resp: Any, req: Any, environ: Any, request_time: timedelta) -> None:
        """Writes down one answer.

        Not by a format of gunicorn's: it looks at every header and variable of a request, whether
        the format names it or not, which took a tenth of the time of a page. Without query strings
        and Referer: `next=` may hold the path of a link, and so its token.
        """
        if not self.access_log_enabled:
            return
        from app.observability.logs import redact

        named = (value for name, value in resp.headers if name == "X-Request-ID")
        # Of a request that gunicorn could not read there is no path.
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
            "request_id": next(named, ""),
            "logger": self.access_log.name,
        }
        self.access_log.info("%s", json.dumps(line))


logger_class = JsonLogger


def post_worker_init(_worker: Any) -> None:
    """What the app is made of never becomes garbage, and looking through all of it again and again
    for some that has took a fifth of the time of a page."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


def on_starting(_arbiter: Any) -> None:
    """Ends the master when a setting is missing: its workers would be started over and over."""
    import config

    try:
        config.load()
    except config.ConfigError as error:
        _forget_folder()
        sys.exit(str(error))


def pre_fork(server: Any, worker: Any) -> None:
    """Gives the worker the lowest number that no living one has; its metrics' files bear it."""
    taken = {getattr(other, "slot", None) for other in server.WORKERS.values()}
    worker.slot = next(number for number in itertools.count(1) if number not in taken)


def post_fork(_server: Any, worker: Any) -> None:
    """From here on this process writes into files of its own."""
    os.environ["LATCHKEY_WORKER_SLOT"] = str(worker.slot)
    # Importing the app makes no garbage to speak of, and looking for it takes a sixth of its time.
    gc.disable()


def child_exit(_server: Any, worker: Any) -> None:
    """What a worker has counted stays, how long its queue was does not."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.slot)


def on_exit(_server: Any) -> None:
    """Leaves no folder behind."""
    _forget_folder()
