"""A small HTTP server for the metrics of the mail worker, which has no pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CONTENT_TYPE_LATEST

from app.observability.metrics import exposition, may_read


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a running scrape does not keep the worker from ending
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
        """Scrapes are not logged."""


@contextmanager
def serve(port: int, token: str) -> Iterator[None]:
    """Serves `/metrics` for the block.

    Args:
        port: on all addresses; 0 for none.
        token: the same as for the web's `/metrics`; without one, nothing is served.

    Raises:
        OSError: the port cannot be used.
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
