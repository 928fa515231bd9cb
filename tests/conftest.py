"""Fixtures of all tests: an app on mongomock, visitors who fill in forms, and a mailbox."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import BytecodeCache, FileSystemBytecodeCache

import config
from app import create_app
from app.mail.worker import Worker
from app.mongo import current_mongo
from app.users import address_advice, indexes
from app.users.address_advice import MailHosts
from tests.mailbox import Mailbox
from tests.visitor import Visitor, administrator_of

pytest_plugins = ["tests.mongo", "tests.scheduling"]

MakeApp = Callable[..., Flask]


@pytest.fixture(autouse=True)
def _no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests ask no name server, whose answers differ from machine to machine."""
    monkeypatch.setattr(address_advice, "mail_hosts", lambda _domain: MailHosts.UNKNOWN)


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    """Compiled templates. Each test has its own app, which would compile them again."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def make_app(tmp_path: Path, templates: BytecodeCache) -> MakeApp:
    """Makes an app with environment variables: `make_app(RESEND_COOLDOWN="0")`."""

    def make(**variables: str) -> Flask:
        settings = config.load({"APP_SETTINGS": "config.TestingConfig", **variables})
        settings.MAIL_FOLDER = str(tmp_path / "mail")
        app = create_app(settings)
        app.jinja_env.bytecode_cache = templates
        with app.app_context():
            list(indexes.apply(current_mongo().database))
        return app

    return make


@pytest.fixture
def development(make_app: MakeApp) -> Flask:
    """The app of `make run`, with an in-memory database and fixed keys."""
    return make_app(
        APP_SETTINGS="config.DevelopmentConfig",
        SECRET_KEY="k" * 32,
        SECURITY_PASSWORD_SALT="s" * 32,
        MONGODB_URI="mongomock://localhost/latchkey",
    )


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """The app on mongomock, with a database for this test only."""
    return make_app()


@pytest.fixture
def new_visitor(app: Flask) -> Callable[[], Visitor]:
    """Makes visitors with separate browser profiles."""
    return lambda: Visitor(app)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """A visitor with a new browser profile."""
    return Visitor(app)


@pytest.fixture
def mailbox(app: Flask) -> Mailbox:
    """The mails that the worker of production has rendered and delivered."""
    return Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"]))


@pytest.fixture
def confirmed(app: Flask, mailbox: Mailbox) -> Visitor:
    """A visitor who is signed in as ada@example.com, with a confirmed address."""
    ada = Visitor(app)
    ada.register("ada@example.com")
    ada.submit(mailbox.newest("ada@example.com").link)
    return ada


@pytest.fixture
def administrator(app: Flask) -> Visitor:
    """A visitor who is signed in as root@example.com, an administrator made at the shell."""
    return administrator_of(app)
