"""What may be logged."""

import logging
import re

from flask import Flask

_TOKEN = re.compile(r"(/(?:confirm|reset|email/confirm|email/undo)/)[^\s?#\"]+")
_SOUND_ROUNDS = 10


def redact(text: str) -> str:
    """A path, URL or log line without the token that a link carries (SECURITY-BAR 10)."""
    return _TOKEN.sub(r"\1-", text)


class _Redacting(logging.Filter):
    """Flask logs the path of a request that failed, and the path of a link is its token."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


def init_app(app: Flask) -> None:
    """Keeps tokens out of the app's log, and says there what the operator should mend."""
    app.logger.addFilter(_Redacting())
    if app.config["BCRYPT_LOG_ROUNDS"] < _SOUND_ROUNDS and not (app.debug or app.testing):
        app.logger.warning(
            "BCRYPT_LOG_ROUNDS is below %s: hashes are cheap to guess", _SOUND_ROUNDS
        )
