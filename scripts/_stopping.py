"""The end of a script by a signal."""

import signal
from _thread import start_new_thread
from threading import Event


class Stop(Event):
    """An event that SIGINT and SIGTERM set."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = False
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, self._ask)

    def is_set(self) -> bool:
        """True from the moment of the signal on, even before a waiting thread is woken."""
        return self._asked or super().is_set()

    def _ask(self, *_signal: object) -> None:
        self._asked = True
        # By a new thread, because the interrupted one may hold the event's lock.
        start_new_thread(self.set, ())
