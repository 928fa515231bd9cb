"""Adds to Python's SMTP client a time-out for each phase, passwords in UTF-8, and our own EHLO
name.

`SmtpConnection` makes Flask-Mail use this client.
"""

import re
import smtplib
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import flask_mail

from app.users.addresses import AddressError, parse_address

# RFC 5321 4.5.3.2.6: the server may run its filters before it answers.
_AFTER_THE_DOT = 600.0  # seconds


class AcceptanceUnknownError(Exception):
    """The whole mail was sent and no answer came: the server may have taken it or not."""


class _Utf8(str):
    """A text that smtplib encodes as UTF-8.

    smtplib encodes user and password as ASCII, but PLAIN needs UTF-8 (RFC 4616 2).
    """

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return super().encode("utf-8", errors)


class _Client(smtplib.SMTP):
    """smtplib's client, changed as the module says."""

    def auth(
        self, mechanism: str, authobject: Callable[..., str | None], **options: Any
    ) -> tuple[int, bytes]:
        def in_utf8(*challenge: bytes) -> str | None:
            answer = authobject(*challenge)
            return None if answer is None else _Utf8(answer)

        return super().auth(mechanism, in_utf8, **options)  # type: ignore[arg-type]

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Sends the mail like smtplib, but waits up to 10 minutes for the answer to the final dot.

        Raises:
            AcceptanceUnknownError: the final dot was sent and no answer came.
        """
        code, words = self.docmd("DATA")
        if code != 354:
            raise smtplib.SMTPDataError(code, words)
        lines = re.sub(rb"(?m)^\.", b"..", bytes(msg))
        self.send(lines + (b"" if lines.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        self._be_patient(_AFTER_THE_DOT)
        try:
            code, words = self.getreply()
        except (smtplib.SMTPException, OSError) as error:
            raise AcceptanceUnknownError(str(error) or type(error).__name__) from error
        self._be_patient(self.timeout)
        if code < 200:
            raise AcceptanceUnknownError("the answer is not SMTP")
        return code, words

    def _be_patient(self, seconds: float) -> None:
        if self.sock:
            self.sock.settimeout(seconds)


class _SslClient(_Client, smtplib.SMTP_SSL):
    """The client with TLS from the first byte."""


class SmtpConnection(flask_mail.Connection):
    """Flask-Mail's connection with our client and verified certificates. It overrides Flask-Mail's
    hook `configure_host`.

    Args:
        name: what EHLO says (see `ehlo_name`).
        timeout: seconds to wait for the connection, and for the answer to each command.
    """

    def __init__(self, state: flask_mail._Mail, name: str, timeout: float) -> None:
        super().__init__(state)  # type: ignore[arg-type]
        self._name = name
        self._timeout = timeout

    def configure_host(self) -> smtplib.SMTP:
        host = self._connected()
        try:
            if self.mail.use_tls:
                host.starttls(context=ssl.create_default_context())
            if self.mail.username and self.mail.password:
                host.login(_Utf8(self.mail.username), _Utf8(self.mail.password))
            # smtplib would send EHLO with the first mail, and a refusal would look like one of that
            # mail.
            host.ehlo_or_helo_if_needed()
        except BaseException:
            host.close()
            raise
        return host

    def _connected(self) -> smtplib.SMTP:
        server, port = self.mail.server, self.mail.port or 0
        if not self.mail.use_ssl:
            return _Client(server, port, self._name, timeout=self._timeout)
        context = ssl.create_default_context()
        return _SslClient(server, port, self._name, timeout=self._timeout, context=context)


def ehlo_name(public_url: str, sender: str) -> str:
    """The name to send in EHLO: the host of `PUBLIC_URL`, or the sender's domain if the host is not
    a domain name.

    smtplib would use the machine's name. In a container this name has no dot, so smtplib would send
    `[127.0.0.1]`, which large relays refuse.
    """
    for url in (public_url, "//" + sender.rpartition("@")[2].rstrip("> ")):
        try:
            # `parse_address` accepts only domain names with a dot, and returns them in punycode.
            return parse_address(f"name@{urlsplit(url).hostname}").domain
        except (AddressError, ValueError):  # doctor also calls this with invalid settings
            continue
    return "localhost"
