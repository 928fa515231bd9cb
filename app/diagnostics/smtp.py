"""The mail server: connects, proves its name, lets us sign in. No mail is begun. And the queue:
whether the mail server has refused us lately."""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from typing import Any

import flask_mail
from pymongo.errors import PyMongoError

from app.diagnostics.finding import Finding, fix, note, ok
from app.mail.smtp_client import SmtpConnection, ehlo_name
from app.mail.transport import trouble_of
from app.mongo import connect
from app.users.backends import backend_of
from app.users.refusals import Trouble

_NAME, _QUEUE = "mail server", "mail queue"
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


def check_queue(settings: Any) -> Iterator[Finding]:
    """Whether letters leave. A server that lets us sign in may still refuse our mail."""
    database = connect(settings.MONGODB_URI)
    backend = backend_of(database)
    if backend.in_memory:
        return
    try:
        blockage = backend.outbox(database["users"]).blocked()
    except PyMongoError as error:
        yield note(_QUEUE, f"not looked at, MongoDB: {type(error).__name__}")
        return
    finally:
        database.client.close()
    if blockage:
        how = "docs/operations.md has a table of what mail servers say"
        yield fix(_QUEUE, f"blocked: {blockage.words[:_LENGTH]}", how)
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
        done.append("takes our login")
    return ok(_NAME, f"{where} " + ", ".join(done))


def _explain(where: str, error: Exception) -> Finding:
    said = (str(error) or type(error).__name__)[:_LENGTH]
    match error:
        case ssl.SSLCertVerificationError():
            said = f"its certificate is not trusted ({error.verify_message})"
        case smtplib.SMTPAuthenticationError():
            said = f"refuses our login ({error.smtp_code})"
        case _:
            pass
    return fix(_NAME, f"{where} {said}", _HOW[trouble_of(error)])


_HOW = {
    Trouble.CERTIFICATE: (
        "name the server as its certificate does, or have it signed by a known authority"
    ),
    Trouble.ENCRYPTION: (
        "for STARTTLS, usually port 587, set APP_MAIL_USE_TLS=true; for TLS from the first byte,"
        " usually port 465, APP_MAIL_USE_SSL=true"
    ),
    Trouble.SIGN_IN: (
        "correct APP_MAIL_USERNAME and APP_MAIL_PASSWORD; of the ways to sign in, PLAIN, LOGIN and"
        " CRAM-MD5 work"
    ),
    Trouble.REFUSED: "ask who runs the server why it refuses this machine",
    Trouble.ALIKE: "",
    Trouble.UNREACHABLE: (
        "correct APP_MAIL_SERVER and APP_MAIL_PORT, or the firewall between; a port that speaks TLS"
        " from the first byte says nothing unless APP_MAIL_USE_SSL=true"
    ),
}
