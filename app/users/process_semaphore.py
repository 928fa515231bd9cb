"""A semaphore that several processes share, by locks on files.

Each process could hash on its part of the cores. But when all who sign in are with one process, the
cores of the others would be idle. So a thread that hashes takes a permit that no other process has:
a locked file (`flock`) in a shared folder. The lock ends with its process, however that ends.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

_POLL = 0.003  # seconds; a hash takes a hundred times as long


class ProcessSemaphore:
    """A number of permits for all processes that name the same folder. Make it after a fork.

    One thread of each process polls while it waits, so a stopped process keeps the permits that it
    has and blocks nobody else.

    Args:
        folder: exists; its files are made by the first process that needs them.
        permits: how many there are, the same for each process.
    """

    def __init__(self, folder: Path, permits: int) -> None:
        self._free = {_open(folder / f"core-{number}") for number in range(permits)}
        self._polling = Lock()

    @contextmanager
    def acquire(self) -> Iterator[None]:
        """Waits for a permit, and holds it for the block.

        Raises:
            OSError: the folder's files cannot be locked.
        """
        with self._polling:
            while (permit := self._take()) is None:
                time.sleep(_POLL)
        try:
            yield
        finally:
            fcntl.flock(permit, fcntl.LOCK_UN)
            self._free.add(permit)

    def _take(self) -> int | None:
        # Not those that this process holds: a file's lock belongs to the process, not the thread.
        for permit in tuple(self._free):
            try:
                fcntl.flock(permit, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            self._free.discard(permit)
            return permit
        return None


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
