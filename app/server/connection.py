"""One connection of gunicorn's worker, with its state."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from typing import Any

from gunicorn import http
from gunicorn.http import wsgi
from gunicorn.http.unreader import IterUnreader
from gunicorn.workers.gthread import TConn

from app.server.incoming import Incoming, Request

# Seconds that a client has to read an answer that does not fit into the send buffer.
SEND_TIMEOUT = 10.0
# Bytes. Every page fits, so no thread waits until its client has read a page.
_SEND_BUFFER = 256 * 1024
# After so many bytes it is checked whether the client reads its answers.
_UNCHECKED = _SEND_BUFFER // 4


class ClientSocket(socket.socket):
    """A socket that never blocks, except in `sendall`.

    Each call to change the mode would release the interpreter lock, and another thread would run.
    """

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(fileno=accepted.detach())
        super().setblocking(False)
        with suppress(OSError):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._unchecked = 0

    def setblocking(self, flag: bool) -> None:
        """Does nothing. Gunicorn calls this for each request."""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Sends all bytes.

        Raises:
            TimeoutError: the client does not read them.
        """
        self._unchecked += len(data)
        rest, deadline = memoryview(data), 0.0
        while True:
            with suppress(BlockingIOError):
                rest = rest[self.send(rest, flags) :]
            if not rest:
                return
            deadline = deadline or time.monotonic() + SEND_TIMEOUT
            if not self._has_room(deadline - time.monotonic()):
                raise TimeoutError

    def takes_answers(self) -> bool:
        """Whether the send buffer has room for another answer, because the client reads them."""
        if self._unchecked > _UNCHECKED and self._has_room():
            self._unchecked = 0
        return self._unchecked <= _UNCHECKED

    def _has_room(self, seconds: float = 0) -> bool:
        poll = select.poll()
        poll.register(self, select.POLLOUT)
        return bool(poll.poll(max(0.0, seconds) * 1000))


class Answer(wsgi.Response):
    """Gunicorn's answer, whose head and body are sent together."""

    def __init__(self, req: Any, sock: socket.socket, cfg: Any) -> None:
        self._parts: list[bytes] = []
        self._client = sock
        super().__init__(req, self, cfg)

    def sendall(self, part: bytes) -> None:
        """Collects a part that gunicorn sends."""
        self._parts.append(part)

    def can_sendfile(self) -> bool:
        """A file is read like other bodies."""
        return False

    def close(self) -> None:
        """Sends the answer."""
        super().close()
        self._client.sendall(b"".join(self._parts))


wsgi.Response = Answer  # gunicorn has no setting for it


class Phase(Enum):
    """What a connection is waiting for."""

    IDLE = "a next request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    DRAIN = "the client to take the answer before"
    END = "the client to close it"
    ANSWER = "its thread"
    CLOSED = "nothing"


class Connection(TConn):
    """A connection. At any time either the main loop or one thread uses it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.initialized = True  # gunicorn must not make its own parser
        self.incoming = Incoming(self.cfg.limit_request_line)
        self.parser = http.get_parser(self.cfg, (), self.client)
        self.request = Request(b"")
        self.phase = Phase.HEAD
        self.deadline = 0.0
        self.watched = 0  # the events that the main loop waits for

    def show_to_parser(self) -> None:
        """Gives the parser the bytes of the request and no others."""

        def pieces() -> Iterator[bytes]:
            yield self.request.data
            if self.request.error:
                raise self.request.error

        self.parser.unreader = IterUnreader(pieces())

    def send_now(self, data: bytes) -> None:
        """Sends a few bytes. They are lost if the send buffer is full."""
        with suppress(OSError):
            self.sock.send(data)
