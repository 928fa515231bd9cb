"""The clock of the app."""

from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Earlier than any time that is stored."""


def utcnow() -> datetime:
    """Now in UTC, cut to milliseconds like times in MongoDB, so that a stored time reads back
    equal."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
