"""The commands that clients of this process send to MongoDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import monitoring

# The driver's own business, and what it sends when it pleases.
_HOUSEKEEPING = {"hello", "ismaster", "ping", "endSessions", "saslStart", "saslContinue"}


class Commands(monitoring.CommandListener):
    """Keeps what is sent while somebody is recording.

    Connections take their listeners when they are made: `commands` below is registered for all
    that are made after this module is imported.
    """

    def __init__(self) -> None:
        self._recording: list[dict[str, Any]] | None = None

    @contextmanager
    def recorded(self) -> Iterator[list[dict[str, Any]]]:
        """Every command sent meanwhile, first to last."""
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
