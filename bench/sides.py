"""The two that take turns: ours and the floor, each with people on it.

Each is served twice. With one worker, which alone is what limits, whichever way the connections
were shared; and with as many workers as by default, where hashes keep every core busy.
"""

import itertools
import secrets
from datetime import datetime, timedelta
from functools import cached_property

from bson import ObjectId
from flask import Flask
from itsdangerous import URLSafeTimedSerializer

import config
from app import create_app
from app.mail.message import render
from app.security.signing import link_signer
from app.users import indexes
from app.users.clock import utcnow
from app.users.links import Purpose
from app.users.outbox import Outbox
from bench import people
from bench.floor import LINK_SALT
from bench.people import Person, Users
from bench.servers import FLOOR, OURS, Web
from bench.stage import Stage

_WORKERS = 2


class Ours:
    """The app."""

    def __init__(self, stage: Stage, database: str = "ours") -> None:
        self._stage = stage
        self.settings = stage.settings(database)
        self.users: Users = stage.database(database)["users"]
        list(indexes.apply(self.users.database))
        # Never asked for a page: it signs what the served ones believe, having the same settings.
        self._app = create_app(config.load(self.settings))

    @cached_property
    def one(self) -> Web:
        """Served by one worker."""
        return self._stage.serve(OURS, self.settings, 1)

    @cached_property
    def many(self) -> Web:
        """Served as by default."""
        return self._stage.serve(OURS, self.settings, _WORKERS)

    @property
    def hash_rounds(self) -> int:
        """The cost of a password's hash: production's default."""
        return int(self._app.config["BCRYPT_LOG_ROUNDS"])

    def people(
        self, number: int, *, confirmed: bool, letter_due_on: datetime | None = None
    ) -> list[Person]:
        """New accounts; owed the letter of their registration, if it shall be due."""
        document = people.pattern(self.users, self.hash_rounds, confirmed=confirmed)
        (letter,) = document["outbox"]
        document["outbox"] = [{**letter, "due_on": letter_due_on}] if letter_due_on else []
        return people.insert(self.users, people.copies(document, number, self._stage.names()))

    def letter(self) -> bytes:
        """A mail as our worker sends it: that of a registration."""
        self.owe_nothing()
        self.people(1, confirmed=False, letter_due_on=utcnow())
        leased = Outbox(self.users).lease(utcnow(), timedelta(minutes=1))
        assert leased
        with self._app.app_context():
            return render(leased).as_bytes()

    def owe_nothing(self) -> None:
        """Whoever has registered in an earlier row is owed nothing any more."""
        self.users.update_many({"outbox.0": {"$exists": True}}, {"$set": {"outbox": []}})

    def cookie(self, person: Person) -> str:
        """Of a browser that has seen a form, as every browser that has signed up has."""
        ids = f"{person.id}.{person.session_id}"
        said = {"_user_id": ids, "_fresh": True, "csrf_token": secrets.token_hex(20)}
        return f"{self._app.config['SESSION_COOKIE_NAME']}={_sign(self._app, said)}"

    def link(self, person: Person) -> str:
        """The path of the link in the account's newest confirmation mail."""
        with self._app.app_context():
            signer = link_signer()
        token = signer.mint(Purpose.CONFIRM, person.id, person.email, person.version)
        return f"/confirm/{token}"


class Floor:
    """The least code that does the same."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.settings = stage.settings("floor")
        self.users: Users = stage.database("floor")["users"]
        self.users.create_index("email_key", unique=True)
        self._app = Flask(__name__)
        self._app.secret_key = self.settings["SECRET_KEY"]
        self._links = URLSafeTimedSerializer(self.settings["SECRET_KEY"], salt=LINK_SALT)

    @cached_property
    def one(self) -> Web:
        """Served by one worker."""
        return self._stage.serve(FLOOR, self.settings, 1)

    @cached_property
    def many(self) -> Web:
        """Served as ours."""
        return self._stage.serve(FLOOR, self.settings, _WORKERS)

    def people(self, number: int) -> list[ObjectId]:
        """New accounts, unconfirmed."""
        emails = (f"{name}@example.org" for name in self._stage.names())
        documents = [
            {"email": email, "email_key": email, "password_hash": "x" * 60, "confirmed": False}
            for email in itertools.islice(emails, number)
        ]
        return list(self.users.insert_many(documents).inserted_ids)

    def cookie(self, user_id: ObjectId) -> str:
        """Of a browser that is signed in."""
        return f"session={_sign(self._app, {'user': str(user_id)})}"

    def link(self, user_id: ObjectId) -> str:
        """As it would be mailed."""
        return f"/confirm/{self._links.dumps(str(user_id))!s}"


def _sign(app: Flask, said: dict[str, object]) -> str:
    """A session cookie's value."""
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return str(signer.dumps(said))
