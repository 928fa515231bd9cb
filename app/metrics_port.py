"""A process's own numbers on a port of their own: for the mail worker, which has no pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CONTENT_TYPE_LATEST

from app.metrics import exposition, may_read


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a scrape in hand does not keep the worker from ending
    token: str


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10  # seconds that a slow reader may take

    def do_GET(self) -> None:
        authorization = self.headers.get("Authorization", "")
        found = self.path == "/metrics" and may_read(authorization, self.server.token)
        body = exposition() if found else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A scrape is no event."""


@contextmanager
def serve(port: int, token: str) -> Iterator[None]:
    """Shows `/metrics` meanwhile.

    Args:
        port: on all addresses; 0 for none.
        token: as for the web's `/metrics`; without one, nothing is shown.

    Raises:
        OSError: the port cannot be had.
    """
    if not port:
        yield
        return
    with _Server(("", port), _Handler) as server:
        server.token = token
        Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
