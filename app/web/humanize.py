"""Durations, percentages and browsers in words."""

from datetime import datetime, timedelta
from functools import lru_cache

from flask import Flask

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_SHORT_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def init_app(app: Flask) -> None:
    """Gives pages and mails the filters `duration`, `browser_name`, `machine_time` and
    `seconds`."""
    app.jinja_env.filters.update(
        duration=duration,
        browser_name=browser_name,
        machine_time=machine_time,
        seconds=lambda count: timedelta(seconds=count),
    )


def duration(span: timedelta) -> str:
    """Rounded down to its largest unit: "3 minutes", "1 hour"."""
    seconds = max(0, int(span.total_seconds()))
    for name, size in _UNITS:
        count = seconds // size
        if count:
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return "less than a second"


def machine_time(moment: datetime) -> str:
    """For the attribute `datetime` of `<time>`, where HTML allows three digits of a fraction."""
    return moment.isoformat(timespec="milliseconds")


def rounded_up(span: timedelta) -> str:
    """Rounded up, so that waiting this long is enough: whole minutes, or seconds up to one
    minute."""
    seconds = int(span.total_seconds())
    if seconds <= 60:
        return duration(span)
    minutes = -(-seconds // 60)
    return f"{minutes} minutes" if minutes < 120 else duration(timedelta(hours=-(-minutes // 60)))


def took(seconds: float | None) -> str:
    """Short, in the two largest units: "42 s", "3 min 5 s", "2 h", "1 d 4 h"; a dash for None."""
    if seconds is None:
        return "–"
    left, parts = round(seconds), []
    for sign, size in _SHORT_UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {sign}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def percent(part: int, whole: int) -> str:
    """With one decimal: "71.4 %"; a dash when `whole` is 0."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


@lru_cache(maxsize=1024)
def browser_name(user_agent: str) -> str:
    """ "Firefox on Windows", or the part of it that the User-Agent shows; may be empty."""
    # Imported here because its rules take long to load, and only pages about sessions need them.
    import ua_parser

    found = ua_parser.parse(user_agent)
    program = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    return " on ".join(part for part in (program, system) if part)
