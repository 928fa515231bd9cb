"""The load: clients that each send the next request as soon as the last one is answered.

It is one thread with kept connections, so that it leaves the cores to the servers. A step is a
generator: it yields requests and is sent their answers, so a step of several requests is one
function.
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
_PATIENCE = 60.0  # seconds to wait for an answer


@dataclass(frozen=True, slots=True)
class Crowd:
    """Clients that repeat one step."""

    kind: str
    size: int
    step: Callable[[], Step]
    limit: int | None = None
    """Steps of all clients together. After the last one has begun, no crowd begins another."""
    pause: float = 0.0
    """Seconds that each client waits between two steps."""
    flood: bool = False
    """Whether the server may close connections, because this is more than it takes."""


@dataclass(slots=True)
class Tally:
    """When the round began, when each step ended, and how long each took, in seconds."""

    began: float
    ended: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Steps per second until the last one ended."""
        return len(self.ended) / (self.ended[-1] - self.began)

    @property
    def p95(self) -> float:
        """The 95th percentile of the time of a step, in seconds."""
        return statistics.quantiles(self.took, n=20, method="inclusive")[-1]


class _Client:
    """A connection and its current step."""

    def __init__(self, port: int, crowd: Crowd) -> None:
        self.crowd = crowd
        self._port = port
        self._connect()

    def begin(self) -> None:
        """Sends the first request of a new step."""
        self.began, self._step = monotonic(), self.crowd.step()
        self._send(next(self._step))

    def receive(self) -> bool:
        """Reads what has arrived; returns whether the step has ended."""
        data = self.socket.recv(262144)
        if not data and self.crowd.flood:
            self._reconnect()
            return True
        if not data:
            raise ConnectionError(f"{self.crowd.kind}: the server closed on {self._request[:80]!r}")
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
        """Replaces the connection."""
        self.socket.close()
        self._connect()

    def _send(self, request: bytes) -> None:
        self._request, self._received = request, b""
        self.socket.sendall(request)


class _Drive:
    """A round of load on one server."""

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
        """Runs until the time is up or a limit is reached; then lets the last steps end."""
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
            # A fast crowd stops too, while the last steps of a slow one are still running.
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
    """Runs the crowds on the server at this port of this machine; returns a tally for each kind.

    Raises:
        ConnectionError: the server closed a connection without an answer.
    """
    with _Drive(port, crowds) as load:
        load.run(seconds)
        return load.tallies
