"""The log: one event per line, in UTC, on standard error, without secrets.

Lines are JSON objects, so that text from a client cannot start a new line; in development they are
text for people. Every line of a request has its id, the client's address and the account that is
signed in. Lines go through Python's `logging`, so other handlers work too.
"""

import logging
import re
import sys
from contextvars import ContextVar
from typing import Any, TextIO

import structlog
from flask import Flask
from flask.logging import default_handler
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

_SLASH = r"(?:/|%(?:25)*2[Ff])"  # also encoded, in the query of another URL
_TOKEN = re.compile(
    rf"({_SLASH}(?:confirm|reset|email{_SLASH}confirm|email{_SLASH}undo|factors{_SLASH}keep){_SLASH})[^\s?#\"]+"
)
# Mail servers repeat the address that they refuse. Only the part before the @ is removed, since the
# domain shows whose server it is. The match starts where a word starts; otherwise a long word would
# be scanned once per letter.
_WORD = r"[^\s<>()\[\]\"',;:/@]"
_MAILBOX = re.compile(rf"(?<!{_WORD}){_WORD}+@(?=[\w.-])")
# Characters that may end a line or control a terminal: controls, separators of lines and
# paragraphs, and characters that change the direction of text.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_SAFE_ROUNDS = 10


def redact(text: str) -> str:
    """Removes tokens of links and the local parts of mail addresses from a path, URL or log
    line."""
    text = _TOKEN.sub(r"\1-", text)
    return _MAILBOX.sub("-@", text) if "@" in text else text


def one_line(text: str) -> str:
    """Escapes all characters that could start another line or control a terminal."""
    return _CONTROLS.sub(lambda found: ascii(found.group())[1:-1], text)


class Redacting(logging.Filter):
    """For loggers of other packages. Flask and gunicorn log the path of a failed request, and the
    path of a link has the token."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


def _redact_values(_log: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redacts every value, before it becomes JSON."""
    return {name: redact(v) if isinstance(v, str) else v for name, v in event.items()}


def _redact_traceback(_log: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if "exception" in event:
        event["exception"] = redact(event["exception"])
    return event


def _one_line_values(_log: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """For the console, since JSON escapes by itself. A traceback is our own text and keeps its
    lines."""
    return {
        name: one_line(value) if isinstance(value, str) and name != "exception" else value
        for name, value in event.items()
    }


_bound: ContextVar[dict[str, Any]] = ContextVar("bound")


def _add_bound(_log: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {**_bound.get({}), **event}


_CONTEXT: list[Processor] = [
    _add_bound,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper("iso", utc=True, key="time"),
]


def _heading(_log: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Puts time, level and event first, for people who read the lines."""
    first = {name: event[name] for name in ("time", "level", "event") if name in event}
    return first | {name: value for name, value in event.items() if name not in first}


_JSON: list[Processor] = [
    structlog.processors.format_exc_info,
    _redact_traceback,
    _heading,
    structlog.processors.JSONRenderer(),  # ASCII only: U+2028 is no line break either
]


def _console() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        _redact_traceback,
        _one_line_values,
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            timestamp_key="time",
            pad_event_to=20,
            exception_formatter=structlog.dev.plain_traceback,  # the text is redacted already
        ),
    ]


def formatter(*, console: bool = False) -> logging.Formatter:
    """A formatter that turns any log record into a line."""
    last = _console() if console else _JSON
    return ProcessorFormatter(
        foreign_pre_chain=[*_CONTEXT, _redact_values],
        processors=[ProcessorFormatter.remove_processors_meta, *last],
    )


class StandardError(logging.StreamHandler[TextIO]):
    """Writes to the present `sys.stderr`, which tests replace."""

    def __init__(self, *, console: bool) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(formatter(console=console))

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Looked up for each line, as `logging.lastResort` does."""
        return sys.stderr


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger of events with fields. Its lines of INFO and above go to the handlers of the app."""
    stdlib = logging.getLogger(name)
    stdlib.setLevel(logging.INFO)
    bound: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        stdlib,
        processors=[*_CONTEXT, _redact_values, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return bound


def init_app(app: Flask) -> None:
    """Sets the log up, and warns about settings."""
    log = logging.getLogger(app.name)
    for handler in list(log.handlers):
        if isinstance(handler, StandardError):
            log.removeHandler(handler)
    log.addHandler(StandardError(console=app.debug))
    app.logger.removeHandler(default_handler)
    if not any(isinstance(known, Redacting) for known in app.logger.filters):
        app.logger.addFilter(Redacting())
    if app.config["BCRYPT_LOG_ROUNDS"] < _SAFE_ROUNDS and not (app.debug or app.testing):
        app.logger.warning("BCRYPT_LOG_ROUNDS is below %s: hashes are cheap to guess", _SAFE_ROUNDS)


def bind(**fields: Any) -> None:
    """Adds fields to every line of the current request or letter."""
    _bound.set({**_bound.get({}), **fields})


def unbind_all() -> None:
    """Removes all fields, because a thread serves one request after another."""
    _bound.set({})
