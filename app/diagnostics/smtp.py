"""The mail server: connects, proves its name, lets us sign in. No mail is begun."""

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
    """As the worker connects, by the same code."""
    if settings.MAIL_FOLDER:
        yield ok(_NAME, f"none: mails are files in {settings.MAIL_FOLDER}")
        return
    if not settings.MAIL_SERVER:
        yield note(_NAME, "not looked at, APP_MAIL_SERVER is not set")
        return
    encrypted = settings.MAIL_USE_SSL or settings.MAIL_USE_TLS
    if not encrypted and settings.MAIL_USERNAME:
        # Not tried: anyone on the network could read the password.
        yield fix(_NAME, "our password would travel in the clear", "APP_MAIL_USE_SSL or _USE_TLS")
        return
    if not encrypted:
        yield note(_NAME, "mails go there in the clear", "fine on this machine alone")
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
        done.append("its certificate is good")
    if settings.MAIL_USERNAME:
        done.append("takes our login")
    return ok(_NAME, f"{where} " + ", ".join(done))


def _explain(where: str, error: Exception) -> Finding:
    said = (str(error) or type(error).__name__)[:_LENGTH]
    match error:
        case ssl.SSLCertVerificationError():
            said, how = (
                f"its certificate is not trusted ({error.verify_message})",
                "name the server as its certificate does, or have it signed by a known authority",
            )
        case ssl.SSLError():
            how = "for STARTTLS, usually port 587, set APP_MAIL_USE_TLS=true"
        case smtplib.SMTPAuthenticationError():
            said = f"refuses our login ({error.smtp_code})"
            how = "correct APP_MAIL_USERNAME and APP_MAIL_PASSWORD"
        case smtplib.SMTPNotSupportedError():
            how = "choose APP_MAIL_USE_SSL, APP_MAIL_USE_TLS or no login, as the server offers"
        case _:
            how = "correct APP_MAIL_SERVER and APP_MAIL_PORT, or the firewall between"
    return fix(_NAME, f"{where} {said}", how)
