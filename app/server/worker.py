"""Gunicorn's worker with threads, changed so that a thread gets only complete requests.

Gunicorn gives a connection to a thread when the first byte arrives. A client that sends or reads
slowly then keeps the thread, and a hundred such clients keep all threads. Here the main loop reads
the requests, and each request has a deadline.
"""

import errno
import os
import selectors
import socket
import time
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from app.server.connection import SEND_TIMEOUT, ClientSocket, Connection, Phase

# Seconds.
_HEADER_TIMEOUT, _BODY_TIMEOUT = 10.0, 30.0  # the defaults of two settings
# After the end of an answer the connection stays open for a moment and what the client still sends
# is read. Closing at once would reset it, and the client would lose the answer (RFC 9112 9.6).
_LINGER = 2.0

# Bytes that are read at a time.
_PIECE = 64 * 1024

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def _seconds(name: str, default: float) -> float:
    """The value of a setting, which `config` has checked already."""
    return float(os.environ.get(name, "").strip() or default)


class Worker(ThreadWorker):
    """Gunicorn's worker; the main loop reads requests, and `handle` answers them in threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The connections of the main loop. The one that has waited longest is the first.
        self._waiting: dict[Connection, None] = {}
        self._header_timeout = _seconds("WEB_HEADER_TIMEOUT", _HEADER_TIMEOUT)
        self._body_timeout = _seconds("WEB_BODY_TIMEOUT", _BODY_TIMEOUT)
        # The connections that threads have answered, and whether they stay open.
        self._answered: deque[tuple[Connection, bool]] = deque()
        self._swept = self._notified = 0.0
        self._stopping = False

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuses settings that this worker does not support.

        Raises:
            RuntimeError: the settings ask for TLS or another protocol.
        """
        other = cfg.proxy_protocol != "off" or cfg.protocol != "http" or "h2" in cfg.http_protocols
        if cfg.is_ssl or other:
            raise RuntimeError("this worker supports only plain HTTP/1.1: a proxy must do TLS")
        super().check_config(cfg, log)

    # In the main loop.

    def accept(self, listener: socket.socket) -> None:
        """Accepts a new connection. At the limit, closes the connection that has waited longest."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            # Another process was faster, the client is gone, or there is no free file descriptor.
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_room()
            return
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections:
            self._make_room()
        conn = Connection(self.cfg, ClientSocket(sock), client, listener.getsockname())
        self._wait(conn, Phase.HEAD, self._header_timeout)

    def _make_room(self) -> None:
        if self._waiting:
            self._close(next(iter(self._waiting)))

    def enqueue_req(self, conn: Connection) -> None:
        """Gives a connection to a thread."""
        self.tpool.submit(self._answer, conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Handles events, then takes connections back from their threads."""
        super().wait_for_and_dispatch_events(timeout)
        while self._answered:
            self._take_back(*self._answered.popleft())

    def _take_back(self, conn: Connection, keep: bool) -> None:
        if conn.sock.fileno() < 0:  # closed by its thread
            self._close(conn)
        elif not keep:
            self._end(conn)
        elif not conn.sock.takes_answers():
            self._wait(conn, Phase.DRAIN, SEND_TIMEOUT)
        else:
            self._wait_for_next(conn)

    def notify(self) -> None:
        """Shows the master once a second that this worker runs."""
        if time.monotonic() - self._notified >= 1:
            self._notified = time.monotonic()
            super().notify()

    def murder_pending(self) -> None:
        """Ends connections that have waited for too long. Gunicorn calls this between events."""
        now = time.monotonic()
        if not self.alive and not self._stopping:
            self._stopping = True
            for conn in self._waiting:
                if conn.phase is Phase.IDLE or conn.incoming.empty:
                    conn.deadline = min(conn.deadline, now + _LINGER)
        if now - self._swept < 0.5:
            return
        self._swept = now
        for conn in [conn for conn in self._waiting if conn.deadline <= now]:
            self._give_up(conn)

    def _wait(self, conn: Connection, phase: Phase, seconds: float) -> None:
        conn.phase = phase
        conn.deadline = time.monotonic() + seconds
        self._waiting[conn] = None
        drains = phase is Phase.DRAIN
        self._watch(conn, selectors.EVENT_WRITE if drains else selectors.EVENT_READ)

    def _wait_for_next(self, conn: Connection) -> None:
        self._wait(conn, Phase.IDLE, self.cfg.keepalive if self.alive else _LINGER)
        if not conn.incoming.empty:
            self._go_on(conn)

    def _watch(self, conn: Connection, events: int) -> None:
        """Sets the events that the main loop waits for; 0 means none."""
        if events == conn.watched:
            return
        if conn.watched:
            with suppress(KeyError, ValueError):  # closed by its thread
                self.poller.unregister(conn.sock)
        conn.watched = events
        if not events:
            return
        callback = partial(self._ready, conn)
        try:
            self.poller.register(conn.sock, events, callback)
        except KeyError:  # a thread has closed a socket that had the same file descriptor
            self.poller.unregister(conn.sock)
            self.poller.register(conn.sock, events, callback)

    def _ready(self, conn: Connection, _sock: socket.socket) -> None:
        if conn.phase is Phase.CLOSED:  # an earlier event of this round closed it
            return
        if conn.phase is Phase.DRAIN:
            self._wait_for_next(conn)
            return
        try:
            data = conn.sock.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if conn.phase is Phase.ANSWER:
            conn.incoming.add(data)
            # Otherwise a client could send without end. Most send nothing during the answer.
            if not data or conn.incoming.size > _PIECE:
                self._watch(conn, 0)
        elif not data:
            self._close(conn)
        elif conn.phase is not Phase.END:  # what comes after the answer is dropped
            conn.incoming.add(data)
            self._go_on(conn)

    def _go_on(self, conn: Connection) -> None:
        """Gives a complete request to a thread; otherwise waits for the rest of it."""
        request = conn.incoming.take()
        if request:
            conn.request, conn.phase = request, Phase.ANSWER
            del self._waiting[conn]
            self.enqueue_req(conn)
        elif conn.incoming.in_body:
            if conn.phase is not Phase.BODY:
                self._wait(conn, Phase.BODY, self._body_timeout)
                if conn.incoming.expects_continue and not conn.incoming.has_body:
                    conn.send_now(_CONTINUE)
        elif conn.phase is not Phase.HEAD:
            self._wait(conn, Phase.HEAD, self._header_timeout)

    def _give_up(self, conn: Connection) -> None:
        """Ends a connection at its deadline. A client that has sent a part of a request gets a
        408."""
        if conn.phase in (Phase.HEAD, Phase.BODY) and not conn.incoming.empty:
            self.log.info("Gave up on %s: waited for %s", conn.client, conn.phase.value)
            conn.send_now(_TOO_SLOW)
            self._end(conn)
        else:
            self._close(conn)

    def _end(self, conn: Connection) -> None:
        """Ends our side of the connection and waits a moment until the client closes its side."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
        else:
            self._wait(conn, Phase.END, _LINGER)

    def _close(self, conn: Connection) -> None:
        self._waiting.pop(conn, None)
        self._watch(conn, 0)
        conn.phase = Phase.CLOSED
        self.nr_conns -= 1
        conn.close()

    # In a thread.

    def _answer(self, conn: Connection) -> None:
        """Answers the request and gives the connection back.

        The main loop is woken only if it has something to do for the connection. Otherwise the
        client's next request wakes it.
        """
        keep = False
        try:
            keep = self.handle(conn)
        except BaseException:
            self.log.exception("Error handling a connection")
        self._answered.append((conn, keep))
        if not (keep and self.alive and conn.watched and conn.incoming.empty):
            self.method_queue.defer(_nothing)

    def handle(self, conn: Connection) -> bool:
        """Answers the complete request. True if the connection stays open for another request."""
        conn.show_to_parser()
        keep = super().handle(conn)
        # Bytes that the parser has not used are not a new request.
        return bool(keep) and not conn.parser.unreader.take_buffered()

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """Like gunicorn's method, with a time limit for a client that reads the answer slowly."""
        if not conn.request.whole:
            req.force_close()
        # The main loop has sent "100 Continue", or the body will be refused.
        req._expected_100_continue = False
        try:
            return bool(super().handle_request(req, conn))
        except TimeoutError:
            self.log.info("Gave up on %s: it does not take its answer", conn.client)
            return False


def _nothing() -> None:
    """Wakes the main loop."""
