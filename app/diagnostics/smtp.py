"""Checks the mail server (connection, certificate, login) and the mail queue. It sends no mail."""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from typing import Any

import flask_mail
from pymongo.errors import PyMongoError

from app.diagnostics.finding import LENGTH, Finding, fix, note, ok
from app.mail.smtp_client import SmtpConnection, ehlo_name
from app.mail.transport import trouble_of
from app.mongo import connect
from app.users.backends import backend_of
from app.users.refusals import Trouble

_NAME, _QUEUE = "mail server", "mail queue"


def check_smtp(settings: Any) -> Iterator[Finding]:
    """Connects with the same code as the worker."""
    if settings.MAIL_FOLDER:
        yield ok(_NAME, f"none: mails are files in {settings.MAIL_FOLDER}")
        return
    if not settings.MAIL_SERVER:
        yield note(_NAME, "not checked, because APP_MAIL_SERVER is not set")
        return
    encrypted = settings.MAIL_USE_SSL or settings.MAIL_USE_TLS
    if not encrypted and settings.MAIL_USERNAME:
        # Not tried, because anyone on the network could read the password.
        yield fix(
            _NAME, "our password would be sent in the clear", "APP_MAIL_USE_SSL or APP_MAIL_USE_TLS"
        )
        return
    if not encrypted:
        yield note(_NAME, "mails are sent in the clear", "only safe if it runs on this machine")
    yield _connect(settings)


def check_queue(settings: Any) -> Iterator[Finding]:
    """Whether the queue is blocked. A server that accepts our login may still refuse our mail."""
    database = connect(settings.MONGODB_URI)
    backend = backend_of(database)
    if backend.in_memory:
        return
    try:
        blockage = backend.outbox(database["users"]).blocked()
    except PyMongoError as error:
        yield note(_QUEUE, f"not checked, MongoDB: {type(error).__name__}")
        return
    finally:
        database.client.close()
    if blockage:
        how = "see the table of answers of mail servers in docs/operations.md"
        yield fix(_QUEUE, f"blocked: {blockage.words[:LENGTH]}", how)
    else:
        yield ok(_QUEUE, "not blocked")


def _connect(settings: Any) -> Finding:
    where = f"{settings.MAIL_SERVER}:{settings.MAIL_PORT}"
    state = flask_mail.Mail().init_mail(vars(settings), debug=False, testing=False)
    name = ehlo_name(settings.PUBLIC_URL, settings.MAIL_DEFAULT_SENDER)
    try:
        host = SmtpConnection(state, name, settings.MAIL_TIMEOUT).configure_host()
    except Exception as error:
        return _explain(where, error)
    with contextlib.suppress(smtplib.SMTPException, OSError):
        host.quit()
    done = ["connects"]
    if settings.MAIL_USE_SSL or settings.MAIL_USE_TLS:
        done.append("its certificate is valid")
    if settings.MAIL_USERNAME:
        done.append("accepts our login")
    return ok(_NAME, f"{where} " + ", ".join(done))


def _explain(where: str, error: Exception) -> Finding:
    words = (str(error) or type(error).__name__)[:LENGTH]
    match error:
        case ssl.SSLCertVerificationError():
            words = f"its certificate is not trusted ({error.verify_message})"
        case smtplib.SMTPAuthenticationError():
            words = f"refuses our login ({error.smtp_code})"
        case _:
            pass
    return fix(_NAME, f"{where} {words}", _HOW[trouble_of(error)])


_HOW = {
    Trouble.CERTIFICATE: (
        "use the host name in the certificate, or get one from a known authority"
    ),
    Trouble.ENCRYPTION: (
        "for STARTTLS, usually port 587, set APP_MAIL_USE_TLS=true; for TLS from the first byte,"
        " usually port 465, set APP_MAIL_USE_SSL=true"
    ),
    Trouble.SIGN_IN: (
        "correct APP_MAIL_USERNAME and APP_MAIL_PASSWORD; the server must offer PLAIN, LOGIN or"
        " CRAM-MD5"
    ),
    Trouble.REFUSED: "ask the operator of the server why it refuses this machine",
    Trouble.ALIKE: "",
    Trouble.UNREACHABLE: (
        "correct APP_MAIL_SERVER, APP_MAIL_PORT or the firewall; if the port expects TLS from the"
        " first byte, set APP_MAIL_USE_SSL=true"
    ),
}
