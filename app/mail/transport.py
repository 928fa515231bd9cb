"""Sending a mail: over SMTP, or into a folder in development."""

import contextlib
import smtplib
import ssl
from pathlib import Path
from time import monotonic
from typing import NoReturn, Protocol

import flask_mail
from flask import Flask

from app.users.clock import utcnow

# A connection that was idle for more seconds is tested before it is used.
_TEST_AFTER = 2.0


class Later(Exception):
    """The mail server could not take this letter now; the message says why."""


class Never(Exception):
    """The mail server will never take this letter; the message has the server's words."""


class Unreachable(Later):
    """No letter can leave for the moment: there is no connection."""


class _HungUp(Later):
    """The server closed the connection, probably without taking the letter."""


class Blocked(Exception):
    """No letter can leave until somebody fixes the server or the settings."""


class Transport(Protocol):
    """Takes mails."""

    def send(self, mail: flask_mail.Message) -> None:
        """Raises Later, Never or Blocked unless the mail was taken."""

    def close(self) -> None:
        """Closes what is kept open between mails."""


class FolderTransport:
    """Writes each mail into a file, which `/dev/mail` shows."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def send(self, mail: flask_mail.Message) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{utcnow():%Y%m%dT%H%M%S%f}-{mail.msgId.strip('<>').partition('@')[0][:8]}"
        # Renamed when it is complete, because the mailbox may read the folder at any moment.
        partial = self._folder / f"{name}.part"
        partial.write_bytes(mail.as_bytes())
        partial.rename(self._folder / f"{name}.eml")

    def close(self) -> None:
        pass


class SmtpConnection(flask_mail.Connection):
    """Flask-Mail's connection with a timeout and a verified certificate. `configure_host` is its
    hook."""

    def __init__(self, state: flask_mail._Mail, timeout: float) -> None:
        super().__init__(state)  # type: ignore[arg-type]
        self._timeout = timeout

    def configure_host(self) -> smtplib.SMTP | smtplib.SMTP_SSL:
        server, port = self.mail.server, self.mail.port or 0
        context = ssl.create_default_context()
        host: smtplib.SMTP | smtplib.SMTP_SSL
        if self.mail.use_ssl:
            host = smtplib.SMTP_SSL(server, port, timeout=self._timeout, context=context)
        else:
            host = smtplib.SMTP(server, port, timeout=self._timeout)
        try:
            if self.mail.use_tls:
                host.starttls(context=context)
            if self.mail.username and self.mail.password:
                host.login(self.mail.username, self.mail.password)
            # Otherwise smtplib sends EHLO with the first mail, and a refusal of EHLO would look
            # like a refusal of the mail.
            host.ehlo_or_helo_if_needed()
        except BaseException:
            host.close()
            raise
        return host


class SmtpTransport:
    """One kept connection to the mail server.

    Not safe for use by several threads: a worker has its own.
    """

    def __init__(self, app: Flask) -> None:
        self._state: flask_mail._Mail = app.extensions["mail"]
        self._timeout: int = app.config["MAIL_TIMEOUT"]
        self._connection: SmtpConnection | None = None
        self._used = 0.0

    def send(self, mail: flask_mail.Message) -> None:
        kept = self._connection is not None
        try:
            self._send(mail)
        except _HungUp:
            # Servers close connections that were open for long. That says nothing about this
            # letter, so it is sent again at once. On a new connection it is a failure.
            if not kept:
                raise
            self._send(mail)

    def _send(self, mail: flask_mail.Message) -> None:
        connection = self._connected()
        try:
            connection.send(mail)
        except smtplib.SMTPRecipientsRefused as error:
            self._raise_by_code(*next(iter(error.recipients.values())), Never)
        except smtplib.SMTPDataError as error:
            self._raise_by_code(error.smtp_code, error.smtp_error, Never)
        except smtplib.SMTPSenderRefused as error:
            self._raise_by_code(error.smtp_code, error.smtp_error, Blocked)
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise (Later if _timed_out(error) else _HungUp)(_words(error)) from error

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection and connection.host:
            # An error at QUIT does not matter: the mails were taken before.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.host.quit()

    def _connected(self) -> SmtpConnection:
        """The kept connection, or a new one if the server has closed it."""
        idle = monotonic() - self._used
        self._used = monotonic()
        if self._connection and (idle < _TEST_AFTER or self._answers(self._connection)):
            return self._connection
        self.close()
        self._connection = self._connect()
        return self._connection

    def _connect(self) -> SmtpConnection:
        try:
            return SmtpConnection(self._state, self._timeout).__enter__()
        except (ssl.SSLCertVerificationError, smtplib.SMTPNotSupportedError) as error:
            # No mail is sent unencrypted, or to a server without a valid certificate.
            raise Blocked(str(error)) from error
        except smtplib.SMTPResponseException as error:
            # The greeting, EHLO, STARTTLS or the login: every other letter would be refused too.
            raise _by_code(error.smtp_code, _words(error), Blocked, Unreachable) from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unreachable(_words(error)) from error

    def _answers(self, connection: SmtpConnection) -> bool:
        try:
            return connection.host is not None and connection.host.noop()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    def _raise_by_code(self, code: int, words: bytes | str, permanent: type[Exception]) -> NoReturn:
        closing = code == 421  # RFC 5321 4.2.3: the server is closing the channel
        if closing or permanent is Blocked:
            self.close()
        raise _by_code(code, _line(code, words), permanent, _HungUp if closing else Later)


def _by_code(
    code: int, words: str, permanent: type[Exception], transient: type[Exception]
) -> Exception:
    """The exception for a code. RFC 5321 4.2.1: 4xx is transient, 5xx is permanent."""
    return permanent(words) if code >= 500 else transient(words)


def _timed_out(error: Exception) -> bool:
    """Whether the server did not answer in time; smtplib reports that as a lost connection."""
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def _line(code: int, words: bytes | str) -> str:
    return f"{code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _line(error.smtp_code, error.smtp_error)
    return str(error) or type(error).__name__
