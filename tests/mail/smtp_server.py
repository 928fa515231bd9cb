"""A real SMTP server that takes mail, or does what a test tells it to."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from threading import Event
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.mailbox import Mail

CERTIFICATE = Path(__file__).with_name("self_signed.pem")
# Instead of an answer: the line goes dead.
HANG_UP, SAY_NOTHING = "hang up", "say nothing"


def tls_context() -> ssl.SSLContext:
    """What a server with a self-signed certificate has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


class _Controller(Controller):
    """On a free port."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]

    def factory(self) -> SMTP:
        return _Smtp(self.handler, **self.SMTP_kwargs)


class _Smtp(SMTP):
    """With a say where aiosmtpd has no hook: in the greeting, and before the text of the mail."""

    _greeted = False

    async def push(self, status: str | bytes) -> None:
        """`answers["greeting"]` is what a connection begins with, instead of 220."""
        if not self._greeted:
            self._greeted = True
            status = self.event_handler.next_answer("greeting") or status
        await super().push(status)  # type: ignore[type-var]

    async def smtp_DATA(self, arg: str) -> None:
        """`answers["354"]` is what DATA is answered, before any text."""
        answer = self.event_handler.next_answer("354")
        if answer == HANG_UP and self.transport:
            await self.push("354 go on")
            self.transport.abort()  # type: ignore[attr-defined]
        elif answer:
            await self.push(answer)
        else:
            await super().smtp_DATA(arg)


@dataclass
class Taken:
    """A mail that the server has taken, and how."""

    mail: Mail
    raw: bytes
    sender: str
    recipients: list[str]
    encrypted: bool


@dataclass
class SmtpServer:
    """Takes everything, unless a test says otherwise.

    `answers["RCPT"] = ["451 later", ""]`: what to answer to the next commands of that kind, the
    last one from then on; an empty one takes it. `HANG_UP` and `SAY_NOTHING` answer nothing.
    """

    answers: dict[str, list[str]] = field(default_factory=dict)
    password: str = "right"
    taken: list[Taken] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    connections: int = 0
    names: list[str] = field(default_factory=list)
    """What clients called themselves in EHLO."""
    before_data: Callable[[], object] = lambda: None
    go_on: Event | None = None
    """The answer to a text waits for it: a server that is slow to accept."""
    _open: list[SMTP] = field(default_factory=list)
    _controller: Controller | None = None

    def start(self, port: int = 0, host: str = "127.0.0.1", **options: Any) -> None:
        """Listens, on a port of its own if none is given; `options` are aiosmtpd's."""
        self._controller = _Controller(
            self, hostname=host, port=port, authenticator=self._authenticate, **options
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
        """Everything that was heard, the controller's own knock included."""
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
        """Where it listens."""
        assert self._controller
        return int(self._controller.port)

    def hang_up(self) -> None:
        """Closes the connections that are open, as servers do with the idle."""
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
        """What is to be said to a command now; empty where nothing else was ordered."""
        waiting = self.answers.get(command, [""])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    async def _answer(self, server: SMTP, command: str, usual: str) -> str:
        self.heard.append(command)
        answer = self.next_answer(command)
        if answer == SAY_NOTHING:
            await asyncio.sleep(60)
        if answer == HANG_UP and server.transport:
            server.transport.abort()  # type: ignore[attr-defined]
        return answer or usual

    async def handle_EHLO(
        self, server: SMTP, session: Session, _envelope: Envelope, host: str, said: list[str]
    ) -> list[str]:
        """Aiosmtpd's hook; a session says it again after STARTTLS."""
        session.host_name = host
        self.names.append(host)
        if server not in self._open:
            self._open.append(server)
            self.connections += 1
        await self._answer(server, "EHLO", "")
        return said

    async def handle_MAIL(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        """Aiosmtpd's hook."""
        answer = await self._answer(server, "MAIL", "250 OK")
        if answer.startswith("2"):
            envelope.mail_from = address
        return answer

    async def handle_RCPT(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        """Aiosmtpd's hook; `RCPT bob@…` is answered before `RCPT` to anybody."""
        own = f"RCPT {address}"
        answer = await self._answer(server, own if own in self.answers else "RCPT", "250 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Aiosmtpd's hook, once the final dot has arrived; `DATA bob@…` as for RCPT."""
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
        """Aiosmtpd's hook."""
        return await self._answer(server, "QUIT", "221 Bye")
