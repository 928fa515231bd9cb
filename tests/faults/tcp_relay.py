"""A TCP relay between the app and MongoDB, which can lose answers and refuse connections."""

import contextlib
import socket
from threading import Lock, Thread


class TcpRelay:
    """Listens on `port` and forwards every connection to the target port.

    After `lose_answer(b"update")` the next request with that word reaches the server. The relay
    drops its answer and closes every connection. With `stays_dead` it refuses new connections until
    `restore()`.
    """

    def __init__(self, target: int) -> None:
        self._target = ("127.0.0.1", target)
        self._lose: bytes | None = None
        self._losing: socket.socket | None = None
        self._cut = self._stays_dead = False
        self.lost = 0
        self._open: list[socket.socket] = []
        self._lock = Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        Thread(target=self._accept, daemon=True).start()

    def lose_answer(self, word: bytes, *, stays_dead: bool = True) -> None:
        """Loses the answer to the next request with the word."""
        self._lose, self._stays_dead = word, stays_dead

    def restore(self) -> None:
        """Accepts new connections again."""
        self._cut = False

    def close(self) -> None:
        """Stops the relay and closes every connection."""
        self._listener.close()
        self._close_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._cut:
                client.close()
                continue
            server = socket.create_connection(self._target)
            with self._lock:
                self._open += [client, server]
            Thread(target=self._requests, args=(client, server), daemon=True).start()
            Thread(target=self._answers, args=(server, client), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 20):
                if self._lose and self._lose in data:
                    self._lose, self._losing = None, server
                server.sendall(data)
        _hang_up(client, server)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 20):
                if self._losing is server:
                    # The server has done the request, and the client gets no answer.
                    self._losing, self._cut = None, self._stays_dead
                    self.lost += 1
                    self._close_all()
                    return
                client.sendall(data)
        _hang_up(client, server)

    def _close_all(self) -> None:
        with self._lock:
            _hang_up(*self._open)
            self._open.clear()


def _hang_up(*connections: socket.socket) -> None:
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
