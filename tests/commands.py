"""The commands that clients of this process send to MongoDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import monitoring

# The driver sends these on its own, at any time.
_HOUSEKEEPING = {"hello", "ismaster", "ping", "endSessions", "saslStart", "saslContinue"}


class Commands(monitoring.CommandListener):
    """Records commands while a test asks for it.

    A client takes its listeners when it is made, so `commands` below records only clients that are
    made after the import of this module.
    """

    def __init__(self) -> None:
        self._recording: list[dict[str, Any]] | None = None

    @contextmanager
    def recorded(self) -> Iterator[list[dict[str, Any]]]:
        """Yields a list that collects every command of the block, in order."""
        sent: list[dict[str, Any]] = []
        self._recording = sent
        try:
            yield sent
        finally:
            self._recording = None

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """For pymongo."""
        if self._recording is not None and event.command_name not in _HOUSEKEEPING:
            self._recording.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """For pymongo."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """For pymongo."""


commands = Commands()
monitoring.register(commands)
