"""The mail server must accept a connection, have a valid certificate, and take our login. No mail
is sent."""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from typing import Any

import flask_mail

from app.diagnostics.finding import Finding, fix, note, ok
from app.mail.transport import SmtpConnection

_NAME = "mail server"
_LENGTH = 160


def check_smtp(settings: Any) -> Iterator[Finding]:
    """Connects with the same code as the worker."""
    if settings.MAIL_FOLDER:
        yield ok(_NAME, f"none: mails are files in {settings.MAIL_FOLDER}")
        return
    if not settings.MAIL_SERVER:
        yield note(_NAME, "not looked at, APP_MAIL_SERVER is not set")
        return
    encrypted = settings.MAIL_USE_SSL or settings.MAIL_USE_TLS
    if not encrypted and settings.MAIL_USERNAME:
        # Not tried, because anyone on the network could read the password.
        yield fix(_NAME, "our password would travel in the clear", "APP_MAIL_USE_SSL or _USE_TLS")
        return
    if not encrypted:
        yield note(_NAME, "mails go there in the clear", "fine only on this machine")
    yield _connect(settings)


def _connect(settings: Any) -> Finding:
    where = f"{settings.MAIL_SERVER}:{settings.MAIL_PORT}"
    state = flask_mail.Mail().init_mail(vars(settings), debug=False, testing=False)
    try:
        host = SmtpConnection(state, settings.MAIL_TIMEOUT).configure_host()
    except Exception as error:
        return _explain(where, error)
    with contextlib.suppress(smtplib.SMTPException, OSError):
        host.quit()
    done = ["connects"]
    if settings.MAIL_USE_SSL or settings.MAIL_USE_TLS:
        done.append("its certificate is valid")
    if settings.MAIL_USERNAME:
        done.append("takes our login")
    return ok(_NAME, f"{where} " + ", ".join(done))


def _explain(where: str, error: Exception) -> Finding:
    reason = (str(error) or type(error).__name__)[:_LENGTH]
    match error:
        case ssl.SSLCertVerificationError():
            reason, how = (
                f"its certificate is not trusted ({error.verify_message})",
                "use the name in its certificate, or get a certificate from a known authority",
            )
        case ssl.SSLError():
            how = "for STARTTLS, usually port 587, set APP_MAIL_USE_TLS=true"
        case smtplib.SMTPAuthenticationError():
            reason = f"refuses our login ({error.smtp_code})"
            how = "correct APP_MAIL_USERNAME and APP_MAIL_PASSWORD"
        case smtplib.SMTPNotSupportedError():
            how = "choose APP_MAIL_USE_SSL, APP_MAIL_USE_TLS or no login, as the server offers"
        case _:
            how = "correct APP_MAIL_SERVER and APP_MAIL_PORT, or the firewall"
    return fix(_NAME, f"{where} {reason}", how)
