"""One connection of gunicorn's worker, with its state."""

import select
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from typing import Any

from gunicorn import http
from gunicorn.http.unreader import IterUnreader
from gunicorn.workers.gthread import TConn

from app.server.incoming import Incoming, Request


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
        self.discarded = 0
        self.watched = 0  # the events that the main loop waits for
        self.takes_answers = True

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

    def can_send(self) -> bool:
        """Whether the send buffer has room, because the client reads its answers."""
        poll = select.poll()
        poll.register(self.sock, select.POLLOUT)
        return bool(poll.poll(0))
