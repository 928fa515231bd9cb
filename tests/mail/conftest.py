"""Fixtures of the mail: a worker that delivers to a real mail server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from jinja2 import BytecodeCache

import config
from app import create_app
from app.mail.worker import Worker
from app.mongo import current_mongo
from tests.mail.smtp_server import SmtpServer
from tests.visitor import Visitor, administrator_of

MakeDelivery = Callable[..., "Delivery"]


class Delivery:
    """An app, its mail worker, and the mail server."""

    def __init__(self, app: Flask, server: SmtpServer) -> None:
        self.app = app
        self.server = server
        self.worker = Worker(app)

    def register(self, *emails: str) -> Visitor:
        """Makes accounts, each of which is owed a letter; returns the visitor of the last one."""
        for email in emails:
            visitor = Visitor(self.app)
            assert visitor.register(email).location == "/unconfirmed"
        return visitor

    def letters(self) -> list[dict[str, Any]]:
        """The stored letters: those that are owed and those that were refused."""
        with self.app.app_context():
            accounts = current_mongo().users.find({}, {"outbox": 1})
            return [letter for account in accounts for letter in account.get("outbox", [])]

    def administrator(self) -> Visitor:
        """A visitor who may see the pages for administrators."""
        return administrator_of(self.app)

    def ready(self) -> dict[str, Any]:
        """The mail part of the readiness report."""
        answer = Visitor(self.app).get("/health/ready")
        assert answer.status_code == 200, "pages work without mail"
        mail: dict[str, Any] = answer.get_json()["mail"]
        return mail


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    """A mail server. A test that needs TLS starts it; otherwise `make_delivery` does."""
    server = SmtpServer()
    yield server
    server.stop()


@pytest.fixture
def make_delivery(server: SmtpServer, templates: BytecodeCache) -> MakeDelivery:
    """Makes an app that sends to the server: `make_delivery(MAIL_TIMEOUT="1")`."""

    def make(**variables: str) -> Delivery:
        if not server.running:
            server.start()
        settings = config.load(
            {
                "APP_SETTINGS": "config.TestingConfig",
                "APP_MAIL_SERVER": "127.0.0.1",
                "APP_MAIL_PORT": str(server.port),
                "APP_MAIL_USE_SSL": "false",
                **variables,
            }
        )
        # Flask-Mail sends nothing while testing, unless this is off.
        settings.MAIL_SUPPRESS_SEND = False  # type: ignore[attr-defined]
        app = create_app(settings)
        app.jinja_env.bytecode_cache = templates
        return Delivery(app, server)

    return make


@pytest.fixture
def delivery(make_delivery: MakeDelivery) -> Delivery:
    """A delivery without TLS and login, to a server that accepts everything."""
    return make_delivery()
