"""Fixtures of the faults: real processes, which only these tests use."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from flask import Flask
from pymongo.collection import Collection

import config
from app import create_app
from app.mail.worker import Worker
from app.mongo import connect
from app.users import indexes
from app.users.clock import utcnow
from scripts.mongod import Mongod
from tests.faults.real_processes import SETTINGS, MailWorker, Process, Web
from tests.mail.smtp_server import SmtpServer
from tests.mailbox import Mailbox
from tests.mongo import start_mongod

HERE = Path(__file__).parent
Users = Collection[dict[str, Any]]
P = TypeVar("P", bound=Process)
Make = Callable[..., P]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test of this folder, so that `-m faults` selects it."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def failing_mongod() -> Iterator[Mongod]:
    """A mongod that a test can make fail, by the fail point `failCommand`."""
    with (
        tempfile.TemporaryDirectory(prefix="latchkey-") as folder,
        start_mongod(Path(folder), enableTestCommands=1) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def uri(failing_mongod: Mongod) -> str:
    """The URI of the database, which `users` empties for each test."""
    return failing_mongod.uri("faults")


@pytest.fixture
def users(uri: str) -> Iterator[Users]:
    """The accounts: empty, with indexes."""
    found = connect(uri)["users"]
    list(indexes.apply(found.database))
    found.delete_many({})
    yield found
    found.database.client.close()


def skip_pauses(users: Users) -> None:
    """Makes every letter due that waits for its next try. tests/mail/ tests the pauses."""
    waiting = {"letter.lease": None, "letter.due_on": {"$gt": utcnow()}}
    due = {"$set": {"outbox.$[letter].due_on": utcnow()}}
    users.update_many({"outbox": {"$exists": True}}, due, array_filters=[waiting])


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    """A running mail server."""
    server = SmtpServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def started() -> Iterator[list[Process]]:
    """The processes of the test, which are killed after it."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.kill()


@pytest.fixture
def make_web(tmp_path: Path, started: list[Process]) -> Make[Web]:
    """Makes a gunicorn; the test starts it."""

    def make(**settings: str) -> Web:
        web = Web(tmp_path / f"web{len(started)}.log", **settings)
        started.append(web)
        return web

    return make


@pytest.fixture(scope="session")
def shared_web(uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web process for the whole session, because the start takes longer than most tests."""
    web = Web(tmp_path_factory.mktemp("web") / "log", MONGODB_URI=uri)
    web.start()
    yield web
    web.kill()


@pytest.fixture
def web(shared_web: Web, users: Users) -> Web:
    """A running web process, for tests that do not kill it."""
    return shared_web


@pytest.fixture
def make_worker(
    tmp_path: Path, started: list[Process], server: SmtpServer, uri: str
) -> Make[MailWorker]:
    """Makes a mail worker that delivers to the server; the test starts it."""

    def make(**settings: str) -> MailWorker:
        common = {"MONGODB_URI": uri, "APP_MAIL_PORT": str(server.port), "MAIL_LEASE": "1"}
        worker = MailWorker(tmp_path / f"worker{len(started)}.log", **(common | settings))
        started.append(worker)
        return worker

    return make


def app_like(uri: str, folder: Path) -> Flask:
    """An app with the settings of the web process, to deliver and read its mail."""
    settings = config.load(SETTINGS | {"MONGODB_URI": uri})
    settings.MAIL_FOLDER = str(folder)
    return create_app(settings)


@pytest.fixture
def mailbox(uri: str, users: Users, tmp_path: Path) -> Mailbox:
    """The delivered mails, for tests that need a link and no fault of the mail server."""
    return Mailbox(Worker(app_like(uri, tmp_path / "mail")), tmp_path / "mail")
