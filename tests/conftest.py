"""What the tests share: an app on mongomock, visitors who fill in forms, and a mailbox."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import BytecodeCache, FileSystemBytecodeCache

import config
from app import create_app
from app.mail.worker import Worker
from app.mongo import current_mongo
from app.users import indexes
from tests.mailbox import Mailbox
from tests.visitor import Visitor, administrator_of

pytest_plugins = ["tests.mongo"]

MakeApp = Callable[..., Flask]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs beside what: a file's tests share its fixtures, so they stay together; those that
    measure time, or kill processes under load, never run beside their like."""
    for item in items:
        loud = item.get_closest_marker("loud") or item.get_closest_marker("faults")
        file = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group("loud" if loud else file))


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    """Compiled templates: each test has an app of its own, which would compile them again."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def make_app(tmp_path: Path, templates: BytecodeCache) -> MakeApp:
    """Makes an app as the environment would: `make_app(RESEND_COOLDOWN="0")`."""

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
    """The app as `make run` has it, but for its database and keys."""
    return make_app(
        APP_SETTINGS="config.DevelopmentConfig",
        SECRET_KEY="k" * 32,
        SECURITY_PASSWORD_SALT="s" * 32,
        MONGODB_URI="mongomock://localhost/latchkey",
    )


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """The app on mongomock; its database is this test's own."""
    return make_app()


@pytest.fixture
def new_visitor(app: Flask) -> Callable[[], Visitor]:
    """Makes browser profiles that share nothing."""
    return lambda: Visitor(app)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """A browser profile that nobody has used yet."""
    return Visitor(app)


@pytest.fixture
def mailbox(app: Flask) -> Mailbox:
    """What was really rendered and delivered, by the worker that production runs."""
    return Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"]))


@pytest.fixture
def confirmed(app: Flask, mailbox: Mailbox) -> Visitor:
    """Somebody signed in as ada@example.com, whose address is proven."""
    ada = Visitor(app)
    ada.register("ada@example.com")
    ada.submit(mailbox.newest("ada@example.com").link)
    return ada


@pytest.fixture
def administrator(app: Flask) -> Visitor:
    """Somebody signed in as root@example.com, an administrator made at the shell."""
    return administrator_of(app)
