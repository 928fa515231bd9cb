"""A served app that sends mail when the test says so, for a look at every state of a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from unittest.mock import patch

import flask_mail
from flask import Flask
from werkzeug.serving import make_server

import config
from app import create_app
from app.mail.transport import FolderTransport, Never
from app.mail.worker import Worker
from app.mongo import current_mongo
from app.users import indexes
from app.users.address_advice import MailHosts
from tests.mailbox import Mailbox

UNKNOWN_DOMAIN = "exmaple.org"


@dataclass(frozen=True)
class AppServer:
    """The app, its address, and the mailbox, which delivers owed letters when a test reads it."""

    app: Flask
    url: str
    mailbox: Mailbox

    def refuse_mail(self) -> None:
        """Lets a mail server refuse every owed letter."""
        with patch.object(FolderTransport, "send", _refuse):
            self.mailbox.all()


@contextmanager
def serve(folder: Path, cooldown: int) -> Iterator[tuple[Flask, str]]:
    """Serves a development app on mongomock for the block; yields the app and its address.

    Browsers keep static files, as in production. If they had to ask again for the preloaded font,
    Chromium would warn of it on each page that is open for some seconds.
    """
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    settings = config.load(
        {
            "APP_SETTINGS": "config.DevelopmentConfig",
            "MONGODB_URI": "mongomock://localhost/latchkey",
            "PORT": str(server.port),
            "SECRET_KEY": "k" * 32,
            "SECURITY_PASSWORD_SALT": "s" * 32,
            "BCRYPT_LOG_ROUNDS": "4",
            "RESEND_COOLDOWN": str(cooldown),
        }
    )
    settings.MAIL_FOLDER = str(folder)
    settings.TEMPLATES_AUTO_RELOAD = False
    server.app = app = create_app(settings)
    with app.app_context():
        list(indexes.apply(current_mongo().database))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield app, f"http://localhost:{server.port}"  # as PUBLIC_URL: passkeys need a name
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def serve_with_mailbox(folder: Path) -> Iterator[AppServer]:
    """Serves an app with a mailbox; it asks no name server."""
    unknown = patch("app.users.address_advice.mail_hosts", _mail_hosts)
    with serve(folder, cooldown=0) as (app, url), unknown:
        yield AppServer(app, url, Mailbox(Worker(app), folder))


def _mail_hosts(domain: str) -> MailHosts:
    return MailHosts.NONE if domain == UNKNOWN_DOMAIN else MailHosts.UNKNOWN


def _refuse(_transport: FolderTransport, _mail: flask_mail.Message) -> None:
    raise Never("550 5.1.1 no such mailbox")
