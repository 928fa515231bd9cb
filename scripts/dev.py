"""`make run`: runs database, web and mail together in development mode.

Web and mail run in one process, because the fallback, a database in memory, exists only in one
process. With `--reload` (`make dev`) this process restarts when Python code changes; the database
keeps running.
"""

import _root  # noqa: F401, I001 (first, so that app can be imported)
import os
import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from flask import Flask
from pymongo.errors import PyMongoError
from werkzeug.serving import WSGIRequestHandler, make_server

import config
from app import create_app
from app.mail.worker import Worker
from app.mongo import current_mongo
from app.observability.logs import redact
from app.users import indexes
from scripts._stopping import Stop
from scripts.mongod import Mongod, MongodError, MongodUnavailableError, kept_running
from settings.environment import Environment

_HOST = "127.0.0.1"
_INSTANCE = config.ROOT / "instance"
_IN_MEMORY = "IN MEMORY (mongomock): all accounts will be gone at exit"


class _RequestHandler(WSGIRequestHandler):
    """Logs requests without the tokens of links."""

    def log(self, type: str, message: str, *args: Any) -> None:
        super().log(type, "%s", redact(message % args))


def main() -> int:
    os.environ.setdefault("APP_SETTINGS", "config.DevelopmentConfig")
    return _reload() if "--reload" in sys.argv[1:] else _run()


def _reload() -> int:
    from watchfiles import PythonFilter, run_process

    # A shell that starts a command in the background lets it ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with _database():
            run_process(
                config.ROOT,
                target=f"{shlex.quote(sys.executable)} {shlex.quote(__file__)}",
                target_type="command",
                watch_filter=PythonFilter(ignore_paths=[config.ROOT / ".venv", _INSTANCE]),
            )
    except MongodError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run() -> int:
    stop = Stop()  # from now on a signal causes an orderly end, even during the start
    try:
        config.load()
        with _listener(_port()) as listener, _database() as where:
            app = create_app()
            _make_indexes(app)
            listener.listen(128)
            _print_welcome(app, where)
            _serve(app, listener, stop)
    except (config.ConfigError, MongodError, indexes.IndexConflict, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except PyMongoError as error:
        print(f"MongoDB: {error}", file=sys.stderr)
        return 1
    return 0


def _port() -> int:
    """The port from the environment, which `config` has checked already."""
    return int(os.environ.get("PORT", "").strip() or 5000)


@contextmanager
def _listener(port: int) -> Iterator[socket.socket]:
    """Reserves the port before slow things start. It accepts no connections yet.

    Raises:
        OSError: the port cannot be used; the message says why.
    """
    with socket.socket() as listener:
        # Allows a port that another server has used a moment ago.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError as error:
            hint = f"choose another one: PORT={port + 1} make run"
            raise OSError(f"Port {port} cannot be used ({error.strerror}); {hint}") from None
        yield listener


@contextmanager
def _database() -> Iterator[str]:
    """Sets `MONGODB_URI`. Yields a text that says where the data is stored."""
    if uri := Environment(os.environ).secret("MONGODB_URI"):
        yield _IN_MEMORY if uri.startswith("mongomock") else "in the MongoDB of MONGODB_URI"
        return
    try:
        mongod = Mongod.start(_INSTANCE / "mongodb")
    except MongodUnavailableError as error:
        print(f"No real MongoDB: {error}.", file=sys.stderr)
        os.environ["MONGODB_URI"] = "mongomock://localhost/latchkey"
        yield _IN_MEMORY
        return
    # Other scripts read it while this one runs.
    uri_file = _INSTANCE / "mongodb.uri"
    with kept_running(mongod, give_up=_end):
        os.environ["MONGODB_URI"] = mongod.uri("latchkey")
        uri_file.write_text(mongod.uri("latchkey"))
        try:
            yield f"in instance/mongodb/ (a MongoDB of its own, on port {mongod.port})"
        finally:
            uri_file.unlink(missing_ok=True)


def _end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _make_indexes(app: Flask) -> None:
    with app.app_context():
        list(indexes.apply(current_mongo().database))


def _print_welcome(app: Flask, where: str) -> None:
    url, server = app.config["PUBLIC_URL"], app.config["MAIL_SERVER"]
    mail = f"through {server}" if server else f"to {url}/dev/mail (files in instance/mail/)"
    print(f"\n  {app.config['APP_NAME']} is at {url}")
    print(f"  Mail goes {mail}")
    print(f"  Data is stored {where}")
    print("  Press Ctrl-C to end everything\n", flush=True)


def _serve(app: Flask, listener: socket.socket, stop: Event) -> None:
    """Serves pages and delivers mail until `stop` is set, then finishes the current mail."""
    server = make_server(
        _HOST,
        listener.getsockname()[1],
        app,
        threaded=True,
        request_handler=_RequestHandler,
        fd=listener.fileno(),
    )
    threads = [
        Thread(target=server.serve_forever, name="web"),
        Thread(target=Worker(app).run, args=(stop,), name="mail"),
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    server.shutdown()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
