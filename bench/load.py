"""The load: clients that each send their next request as soon as the last one is answered.

One thread and kept connections: what drives both sides must leave the machine to them. A step is a
generator that yields requests and is sent their answers, so one of several requests reads as one.
"""

import selectors
import socket
import statistics
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Self

from bench.http import Answer, complete

Step = Generator[bytes, Answer, None]
_PATIENCE = 60.0  # seconds without any answer


@dataclass(frozen=True, slots=True)
class Crowd:
    """Clients that do the same, over and over."""

    kind: str
    size: int
    step: Callable[[], Step]


@dataclass(slots=True)
class Tally:
    """When steps ended, while all clients were busy, and how long each took, in seconds."""

    ended: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Steps per second between the first and the last end."""
        return (len(self.ended) - 1) / (self.ended[-1] - self.ended[0])

    @property
    def p95(self) -> float:
        """Seconds within which 95 of 100 steps ended."""
        return statistics.quantiles(self.took, n=20, method="inclusive")[-1]


class _Client:
    """One connection and the step it is at."""

    def __init__(self, port: int, crowd: Crowd) -> None:
        self.crowd = crowd
        self._port = port
        self._connect()

    def begin(self) -> None:
        """Sends the first request of a new step."""
        self.began, self._step = monotonic(), self.crowd.step()
        self._send(next(self._step))

    def receive(self) -> bool:
        """Takes what has arrived; whether the step has ended with it."""
        data = self.socket.recv(262144)
        if not data:
            raise ConnectionError(f"{self.crowd.kind}: the server hung up on {self._request[:80]!r}")
        self._received += data
        answer = complete(self._received)
        if answer is None:
            return False
        if answer.last:
            self._reconnect()
        try:
            self._send(self._step.send(answer))
        except StopIteration:
            return True
        return False

    def _connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _reconnect(self) -> None:
        """On the same descriptor, which the selector knows."""
        self.socket.close()
        self._connect()

    def _send(self, request: bytes) -> None:
        self._request, self._received = request, b""
        self.socket.sendall(request)


class _Drive:
    """One round of load on one server."""

    def __init__(self, port: int, crowds: Iterable[Crowd]) -> None:
        self._clients = [_Client(port, crowd) for crowd in crowds for _ in range(crowd.size)]
        self._selector = selectors.DefaultSelector()
        self._busy = 0
        self.tallies: dict[str, Tally] = defaultdict(Tally)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for client in self._clients:
            client.socket.close()

    def run(self, seconds: float) -> None:
        """Until the time is up and every step that was begun has ended."""
        deadline = monotonic() + seconds
        for client in self._clients:
            self._selector.register(client.socket, selectors.EVENT_READ, client)
            client.begin()
        self._busy = len(self._clients)
        while self._busy:
            ready = self._selector.select(_PATIENCE)
            if not ready:
                raise TimeoutError(f"no answer within {_PATIENCE:.0f} s")
            for key, _ in ready:
                self._take(key.data, deadline)

    def _take(self, client: _Client, deadline: float) -> None:
        before = client.socket
        ended = client.receive()
        if client.socket is not before:
            self._selector.unregister(before)
            self._selector.register(client.socket, selectors.EVENT_READ, client)
        if not ended:
            return
        now = monotonic()
        if now >= deadline:  # the others may have stopped already
            self._busy -= 1
            return
        tally = self.tallies[client.crowd.kind]
        tally.ended.append(now)
        tally.took.append(now - client.began)
        client.begin()


def drive(port: int, seconds: float, *crowds: Crowd) -> dict[str, Tally]:
    """Lets the crowds at the server on a port of this machine; a tally for each kind.

    Raises:
        ConnectionError: the server hung up on a request.
    """
    with _Drive(port, crowds) as load:
        load.run(seconds)
        return load.tallies
