"""A server that speaks MongoDB's protocol but lacks features.

It is a proxy in front of a real mongod that changes or refuses single commands (OP_MSG).
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import bson

Command = dict[str, Any]

_OP_MSG = 2013
_HEADER = struct.Struct("<iiii")  # length, id, id that is answered, kind of message


class Refused(Exception):
    """The server answers the command with this error."""

    def __init__(self, words: str, code: int = 303) -> None:
        self.answer = {"ok": 0, "errmsg": words, "code": code}


@contextmanager
def stand_in(port: int, change: Callable[[Command], None]) -> Iterator[int]:
    """Listens in front of the mongod at `port`; yields its own port.

    `change` gets each command, and may alter it, or raise `Refused`.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, port, change), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, port: int, change: Callable[[Command], None]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=_copy, args=(server, client), daemon=True).start()
            threading.Thread(target=_pass, args=(client, server, change), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


def _pass(client: socket.socket, server: socket.socket, change: Callable[[Command], None]) -> None:
    with suppress(OSError), client, server, client.makefile("rb") as stream:
        while header := stream.read(_HEADER.size):
            length, number, _, kind = _HEADER.unpack(header)
            message = stream.read(length - _HEADER.size)
            if kind == _OP_MSG:
                command = _parse(message)
                try:
                    change(command)
                except Refused as error:
                    client.sendall(_message(0, number, error.answer))
                    continue
                flags = struct.unpack_from("<I", message)[0]
                server.sendall(_message(number, 0, command, flags))
            else:
                server.sendall(header + message)


def _message(number: int, answers: int, document: Command, flags: int = 0) -> bytes:
    body = struct.pack("<IB", flags, 0) + bson.encode(document)
    return _HEADER.pack(_HEADER.size + len(body), number, answers, _OP_MSG) + body


def _parse(message: bytes) -> Command:
    """All sections of the message as one document."""
    command: Command = {}
    rest = message[4:]
    while rest:
        kind, rest = rest[0], rest[1:]
        size = struct.unpack_from("<i", rest)[0]
        section, rest = rest[:size], rest[size:]
        if kind == 0:
            command |= bson.decode(section)
        else:
            name, _, documents = section[4:].partition(b"\0")
            command[name.decode()] = bson.decode_all(documents)
    return command
