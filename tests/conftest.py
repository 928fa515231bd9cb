"""What the tests share: an app on mongomock, visitors who fill in forms, and a mailbox."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

import config
from app import create_app
from app.mail.worker import Worker
from app.mongo import current_mongo
from app.users import indexes
from tests.mailbox import Mailbox
from tests.visitor import Visitor

pytest_plugins = ["tests.mongo"]

MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(tmp_path: Path) -> MakeApp:
    """Makes an app as the environment would: `make_app(RESEND_COOLDOWN="0")`."""

    def make(**variables: str) -> Flask:
        settings = config.load({"APP_SETTINGS": "config.TestingConfig", **variables})
        settings.MAIL_FOLDER = str(tmp_path / "mail")
        app = create_app(settings)
        with app.app_context():
            list(indexes.apply(current_mongo().users))
        return app

    return make


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
