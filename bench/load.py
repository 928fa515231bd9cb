"""The load: clients that each send their next request as soon as the last one is answered.

One thread and kept connections: what drives both sides must leave the machine to them. A step is a
generator that yields requests and is sent their answers, so one of several requests reads as one.
"""

import selectors
import socket
import statistics
from bisect import insort
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
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
    limit: int | None = None
    """Steps in all: when one crowd has begun its last, no other begins another one."""
    pause: float = 0.0
    """Seconds that each client thinks between two steps."""
    flood: bool = False
    """More than the server takes: it may hang up on some."""


@dataclass(slots=True)
class Tally:
    """When all began, when each step ended, and how long each took, in seconds."""

    began: float
    ended: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Steps per second until the last one ended."""
        return len(self.ended) / (self.ended[-1] - self.began)

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
        if not data and self.crowd.flood:
            self._reconnect()
            return True
        if not data:
            raise ConnectionError(f"{self.crowd.kind}: hung up on {self._request[:80]!r}")
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

    def __init__(self, port: int, crowds: Sequence[Crowd]) -> None:
        self._clients = [_Client(port, crowd) for crowd in crowds for _ in range(crowd.size)]
        self._selector = selectors.DefaultSelector()
        self._begun: Counter[str] = Counter()
        self._thinking: list[tuple[float, _Client]] = []
        now = monotonic()
        self.tallies = {crowd.kind: Tally(now) for crowd in crowds}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for client in self._clients:
            client.socket.close()

    def run(self, seconds: float) -> None:
        """Until the time is up, or a limit reached, and every step that was begun has ended."""
        self._deadline = monotonic() + seconds
        self._busy = 0
        for client in self._clients:
            self._selector.register(client.socket, selectors.EVENT_READ, client)
            self._begin(client)
        while self._busy or (self._thinking and monotonic() < self._deadline):
            ready = self._selector.select(self._until_next())
            for key, _ in ready:
                self._take(key.data)
            while self._thinking and self._thinking[0][0] <= monotonic():
                self._begin(self._thinking.pop(0)[1])

    def _until_next(self) -> float:
        if not self._thinking:
            return _PATIENCE
        return max(0.0, self._thinking[0][0] - monotonic())

    def _over(self, crowd: Crowd) -> bool:
        if monotonic() >= self._deadline:
            return True
        return crowd.limit is not None and self._begun[crowd.kind] >= crowd.limit

    def _begin(self, client: _Client) -> None:
        if self._over(client.crowd):
            # Whoever is fast need not go on while the last of the others are waited for.
            self._deadline = 0.0
            return
        self._begun[client.crowd.kind] += 1
        self._busy += 1
        client.begin()

    def _take(self, client: _Client) -> None:
        before = client.socket
        ended = client.receive()
        if client.socket is not before:
            self._selector.unregister(before)
            self._selector.register(client.socket, selectors.EVENT_READ, client)
        if not ended:
            return
        now, crowd = monotonic(), client.crowd
        self._busy -= 1
        tally = self.tallies[crowd.kind]
        tally.ended.append(now)
        tally.took.append(now - client.began)
        if crowd.pause:
            insort(self._thinking, (now + crowd.pause, client), key=itemgetter(0))
        else:
            self._begin(client)


def drive(port: int, seconds: float, *crowds: Crowd) -> dict[str, Tally]:
    """Lets the crowds at the server on a port of this machine; a tally for each kind.

    Raises:
        ConnectionError: the server hung up on a request.
    """
    with _Drive(port, crowds) as load:
        load.run(seconds)
        return load.tallies
