"""The one clock of the app."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Now in UTC, cut to the milliseconds that MongoDB stores, so that what is read equals what was written."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
