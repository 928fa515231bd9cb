"""The cores of a machine, shared out among the processes that hash passwords on it.

Each process could hash on its part of the cores, but where those who sign in lie with one process,
the others' part would be idle. So whoever hashes takes a core that nobody has: a file of a folder
that all share, locked (`flock`) for as long as the hash takes. The lock ends with its process,
whatever ends it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

_LOOK_AGAIN = 0.003  # seconds; a hash takes a hundred times as long


class Cores:
    """So many, for all processes that name the same folder; to be made after a fork.

    Who waits looks again and again, one of each process, and none of them blocks another: a process
    that is stopped keeps the cores that it has, and nothing else.

    Args:
        folder: exists; its files come with the first process that needs them.
        number: how many there are, the same for each process.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self._free = {_open(folder / f"core-{one}") for one in range(number)}
        self._looking = Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Waits for a core, and has it for the block.

        Raises:
            OSError: the folder's files cannot be locked.
        """
        with self._looking:
            while (core := self._take()) is None:
                time.sleep(_LOOK_AGAIN)
        try:
            yield
        finally:
            fcntl.flock(core, fcntl.LOCK_UN)
            self._free.add(core)

    def _take(self) -> int | None:
        # Those that this process has are not asked for: a file's lock is the process's own.
        for core in tuple(self._free):
            try:
                fcntl.flock(core, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            self._free.discard(core)
            return core
        return None


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
