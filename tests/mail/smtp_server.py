"""A real SMTP server that accepts mail, or answers as a test says."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from threading import Event
from typing import Any, AnyStr

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.mailbox import Mail
from tests.processes import free_port

CERTIFICATE = Path(__file__).with_name("self_signed.pem")
# Instead of an answer: the server closes the connection, or does not answer.
HANG_UP, SAY_NOTHING = "hang up", "say nothing"


def tls_context() -> ssl.SSLContext:
    """The TLS context of a server with a self-signed certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def _abort(server: SMTP) -> None:
    """Closes the connection without a word."""
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()


class _Controller(Controller):
    """Starts the server below for each connection."""

    def factory(self) -> SMTP:
        return _Smtp(self.handler, **self.SMTP_kwargs)


class _Smtp(SMTP):
    """Lets a test set the greeting and the answer to DATA, for which aiosmtpd has no hooks."""

    _greeted = False

    async def push(self, status: AnyStr) -> None:
        """Sends `answers["greeting"]` instead of the usual greeting."""
        greeting = "" if self._greeted else self.event_handler.next_answer("greeting")
        self._greeted = True
        if greeting:
            await super().push(greeting)
        else:
            await super().push(status)

    async def smtp_DATA(self, arg: str) -> None:
        """Answers DATA with `answers["354"]`, before the text of the mail."""
        answer = self.event_handler.next_answer("354")
        if answer == HANG_UP and self.transport:
            await self.push("354 go on")
            _abort(self)
        elif answer:
            await self.push(answer)
        else:
            await super().smtp_DATA(arg)


@dataclass
class Taken:
    """A mail that the server has accepted."""

    mail: Mail
    raw: bytes
    sender: str
    recipients: list[str]
    encrypted: bool


@dataclass
class SmtpServer:
    """Accepts everything, unless a test sets other answers.

    `answers["RCPT"] = ["451 later", ""]` sets the answers to the next commands of that kind. The
    last one stays. An empty answer accepts the command. `HANG_UP` and `SAY_NOTHING` send no answer.
    """

    answers: dict[str, list[str]] = field(default_factory=dict)
    password: str = "right"
    taken: list[Taken] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    connections: int = 0
    names: list[str] = field(default_factory=list)
    """The names that clients have sent in EHLO."""
    before_data: Callable[[], object] = lambda: None
    go_on: Event | None = None
    """The server answers the text of a mail only when this is set, like a slow server."""
    _open: list[SMTP] = field(default_factory=list)
    _controller: Controller | None = None

    def start(self, port: int = 0, host: str = "127.0.0.1", **options: Any) -> None:
        """Listens on a port, or on a free one; `options` are those of aiosmtpd's controller."""
        self._controller = _Controller(
            self,
            hostname=host,
            port=port or free_port(),
            authenticator=self._authenticate,
            **options,
        )
        self._controller.start()
        self.forget()

    def stop(self) -> None:
        """Closes the port and every connection."""
        if self._controller:
            self.hang_up()
            self._controller.stop()
            self._controller = None

    def forget(self) -> None:
        """Clears the record of commands and mails, with the test connection of the controller."""
        self.heard.clear()
        self.taken.clear()
        self.names.clear()
        self.connections = 0

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._controller is not None

    @property
    def port(self) -> int:
        """The port of the server."""
        assert self._controller
        return int(self._controller.port)

    def hang_up(self) -> None:
        """Closes all open connections, as servers do with idle ones."""
        assert self._controller
        done = asyncio.run_coroutine_threadsafe(self._close(), self._controller.loop)
        done.result(timeout=5)

    async def _close(self) -> None:
        while self._open:
            server = self._open.pop()
            if server.transport:
                server.transport.close()
        await asyncio.sleep(0)

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.heard.append("AUTH")
        if refusal := self.next_answer("AUTH"):
            return AuthResult(success=False, handled=False, message=refusal)
        return AuthResult(success=data.password == self.password.encode(), handled=False)

    def next_answer(self, command: str) -> str:
        """The answer that a test has set for a command now; empty if there is none."""
        waiting = self.answers.get(command, [""])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    async def _answer(self, server: SMTP, command: str, usual: str) -> str:
        self.heard.append(command)
        answer = self.next_answer(command)
        if answer == SAY_NOTHING:
            await asyncio.sleep(60)
        if answer == HANG_UP and server.transport:
            _abort(server)
        return answer or usual

    async def handle_EHLO(
        self, server: SMTP, session: Session, _envelope: Envelope, host: str, responses: list[str]
    ) -> list[str]:
        """Hook of aiosmtpd; a client repeats EHLO after STARTTLS."""
        session.host_name = host
        self.names.append(host)
        if server not in self._open:
            self._open.append(server)
            self.connections += 1
        await self._answer(server, "EHLO", "")
        return responses

    async def handle_MAIL(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        """Hook of aiosmtpd."""
        answer = await self._answer(server, "MAIL", "250 OK")
        if answer.startswith("2"):
            envelope.mail_from = address
        return answer

    async def handle_RCPT(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        """Hook of aiosmtpd; `answers["RCPT bob@…"]` has precedence over `answers["RCPT"]`."""
        own = f"RCPT {address}"
        answer = await self._answer(server, own if own in self.answers else "RCPT", "250 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Hook of aiosmtpd after the final dot; `answers["DATA bob@…"]` has precedence, too."""
        self.before_data()
        if self.go_on:
            await asyncio.to_thread(self.go_on.wait, 30)
        own = f"DATA {envelope.rcpt_tos[0]}"
        answer = await self._answer(server, own if own in self.answers else "DATA", "250 taken")
        if answer.startswith("2"):
            raw = envelope.content
            assert isinstance(raw, bytes)
            mail = Mail(message_from_bytes(raw, policy=policy.default))
            sender, encrypted = str(envelope.mail_from), session.ssl is not None
            self.taken.append(Taken(mail, raw, sender, list(envelope.rcpt_tos), encrypted))
        return answer

    async def handle_QUIT(self, server: SMTP, _session: Session, _envelope: Envelope) -> str:
        """Hook of aiosmtpd."""
        return await self._answer(server, "QUIT", "221 Bye")
