"""How `gunicorn 'app:create_app()'` serves; read by gunicorn when started in this directory.

Where it listens is gunicorn's own business: `--bind`, or PORT, which means all addresses.
"""

import gc
import logging
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gunicorn.config import Config
from gunicorn.glogging import Logger

# Threads, because requests wait for MongoDB and bcrypt leaves Python's lock while it hashes.
worker_class = "gthread"
workers = os.environ.get("WEB_CONCURRENCY", "2")
threads = os.environ.get("WEB_THREADS", "8")

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
if Path("/dev/shm").is_dir():  # noqa: S108 (memory, not a shared file)
    worker_tmp_dir = "/dev/shm"  # noqa: S108

# Nobody manages it through a socket, which would be made in the home directory.
control_socket_disable = True

accesslog = "-"
# Without query strings and Referer: `next=` may hold the path of a link, and so its token.
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(b)s %(D)sus "%(a)s"'


def _redact(record: logging.LogRecord) -> bool:
    from app.logs import redact

    record.msg, record.args = redact(record.getMessage()), None
    return True


class RedactingLogger(Logger):
    """Gunicorn's logs without the tokens of links (SECURITY-BAR 10)."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for log in (self.access_log, self.error_log):
            log.addFilter(_redact)

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> dict[str, Any]:
        """Gunicorn's, but that the path is one as it was sent: no line break can forge a line."""
        atoms: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        return atoms | {"U": quote(environ["PATH_INFO"], encoding="latin-1")}


logger_class = RedactingLogger


def post_worker_init(_worker: Any) -> None:
    """What the app is made of never becomes garbage, and looking through all of it again and again
    for some that has took a fifth of the time of a page."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def on_starting(_arbiter: Any) -> None:
    """Ends the master when a setting is missing: its workers would be started over and over."""
    import config

    try:
        config.load()
    except config.ConfigError as error:
        sys.exit(str(error))
