"""Sends a mail over SMTP, or writes it into a folder in development."""

import contextlib
import smtplib
import ssl
from pathlib import Path
from time import monotonic
from typing import Protocol

import flask_mail
from flask import Flask

from app.mail.smtp_client import AcceptanceUnknownError, SmtpConnection, ehlo_name
from app.users.clock import utcnow
from app.users.refusals import About, Refusal, Stage, Trouble, judge

# A connection that was idle for more seconds than this is tested before it is used.
_TEST_AFTER = 2.0
# After some refusals Postfix delays each answer, and after more it closes the connection.
_REFUSALS_ON_A_CONNECTION = 5


class Later(Exception):
    """The mail server could not take this letter now. The message says why.

    Args:
        refusal: what is stored if the letter is given up.
    """

    def __init__(self, words: str, refusal: Refusal = Refusal.GIVEN_UP) -> None:
        super().__init__(words)
        self.refusal = refusal


class Never(Exception):
    """The mail server will never take this letter. The message is the server's answer."""

    def __init__(self, words: str, refusal: Refusal = Refusal.NO_SUCH_MAILBOX) -> None:
        super().__init__(words)
        self.refusal = refusal


class Unsure(Exception):
    """The whole mail was sent and no answer came."""


class _HungUp(Later):
    """The server closed the connection, probably without taking the letter."""


class Blocked(Exception):
    """No letter can leave: there is no connection, or the mail server refuses us."""

    def __init__(self, words: str, trouble: Trouble) -> None:
        super().__init__(words)
        self.trouble = trouble


class Transport(Protocol):
    """Sends mails."""

    def send(self, mail: flask_mail.Message) -> None:
        """Sends the mail.

        Raises:
            Later, Never, Unsure, Blocked: the server did not accept the mail.
        """

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


class SmtpTransport:
    """One kept connection to the mail server.

    Not safe for use by several threads: a worker has its own.
    """

    def __init__(self, app: Flask) -> None:
        self._state: flask_mail._Mail = app.extensions["mail"]
        self._name = ehlo_name(app.config["PUBLIC_URL"], app.config["MAIL_DEFAULT_SENDER"])
        self._timeout: int = app.config["MAIL_TIMEOUT"]
        self._connection: SmtpConnection | None = None
        self._used = 0.0
        self._refusals = 0

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
        kept = self._connection
        connection = self._connected()
        try:
            connection.send(mail)
        except (
            smtplib.SMTPRecipientsRefused,
            smtplib.SMTPDataError,
            smtplib.SMTPSenderRefused,
        ) as error:
            raise self._refused(*_refusal(error), kept=connection is kept) from error
        except AcceptanceUnknownError as error:
            self.close()
            raise Unsure(str(error)) from error
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise (Later if _timed_out(error) else _HungUp)(_words(error)) from error

    def close(self) -> None:
        connection, self._connection = self._connection, None
        self._refusals = 0
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
        """Raises Blocked for every error, because every other letter would fail the same way."""
        try:
            return SmtpConnection(self._state, self._name, self._timeout).__enter__()
        except Exception as error:
            raise Blocked(_words(error), trouble_of(error)) from error

    def _answers(self, connection: SmtpConnection) -> bool:
        try:
            return connection.host is not None and connection.host.noop()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    def _refused(self, stage: Stage, code: int, text: str, *, kept: bool) -> Exception:
        """Returns the exception for a refusal. Closes the connection if the next letter needs a new
        one."""
        self._refusals += 1
        closing = code == 421  # RFC 5321 4.2.3: the server is closing the channel
        outcome = _HungUp(f"{code} {text}") if closing and kept else _outcome(stage, code, text)
        many = self._refusals >= _REFUSALS_ON_A_CONNECTION
        if closing or many or isinstance(outcome, Blocked):
            self.close()
        return outcome


def _refusal(
    error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError | smtplib.SMTPSenderRefused,
) -> tuple[Stage, int, str]:
    """The refused command, the reply code and the reply text."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return Stage.RCPT, code, _decoded(text)
    stage = Stage.DATA if isinstance(error, smtplib.SMTPDataError) else Stage.MAIL
    return stage, error.smtp_code, _decoded(error.smtp_error)


def _outcome(stage: Stage, code: int, text: str) -> Later | Never | Blocked:
    words, meaning = f"{code} {text}", judge(stage, code, text)
    match meaning.about:
        case About.US:
            return Blocked(words, Trouble.REFUSED)
        case About.RECIPIENT | About.MESSAGE:
            return Never(words, meaning.refusal)
        case About.FULL_MAILBOX | About.NOBODY:
            return Later(words, meaning.refusal)


def trouble_of(error: Exception) -> Trouble:
    """Which part of connecting failed. The order matters: all but the last are OSErrors."""
    match error:
        case ssl.SSLCertVerificationError():
            return Trouble.CERTIFICATE
        case ssl.SSLError():
            return Trouble.ENCRYPTION
        case smtplib.SMTPNotSupportedError() if "STARTTLS" in str(error):
            return Trouble.ENCRYPTION
        case smtplib.SMTPAuthenticationError():
            return Trouble.SIGN_IN
        case smtplib.SMTPResponseException() if error.smtp_code > 0:
            return Trouble.REFUSED
        case smtplib.SMTPServerDisconnected() | smtplib.SMTPResponseException():
            return Trouble.UNREACHABLE
        case smtplib.SMTPException():
            # The server does not offer sign-in, or offers no mechanism that smtplib knows.
            return Trouble.SIGN_IN
        case _:
            return Trouble.UNREACHABLE


def _timed_out(error: Exception) -> bool:
    """Whether the server did not answer in time. smtplib reports this as a lost connection."""
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def _decoded(text: bytes | str) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_decoded(error.smtp_error)}"
    return str(error) or type(error).__name__
