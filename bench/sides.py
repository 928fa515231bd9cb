"""The sides that take turns: ours, the floor, and the peers if they are asked for.

Each side is served twice: by one worker, which is then the only limit, however the connections are
spread; and by as many workers as is the default, so that hashes keep every core busy.
"""

import itertools
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from bson import ObjectId
from flask import Flask
from itsdangerous import URLSafeTimedSerializer

import config
from app import create_app
from app.mail.message import render
from app.mongo import users
from app.security import bearer_tokens
from app.security.signing import link_signer
from app.users import indexes
from app.users.clock import utcnow
from app.users.links import Purpose
from app.users.outbox import Outbox
from bench import people
from bench.floor import LINK_SALT
from bench.peers import Peer
from bench.people import Person, Users
from bench.servers import FLOOR, OURS, WORKERS, Web
from bench.stage import Stage


class Ours:
    """The app."""

    def __init__(self, stage: Stage, database: str = "ours") -> None:
        self._stage = stage
        self.settings = stage.settings(database)
        self.users: Users = stage.database(database)["users"]
        list(indexes.apply(self.users.database))
        # It serves nothing. It has the settings of the served apps, so they accept what it signs.
        self._app = create_app(config.load(self.settings))

    @cached_property
    def one(self) -> Web:
        """Ours, served by one worker."""
        return self._stage.serve(OURS, self.settings, 1)

    @cached_property
    def many(self) -> Web:
        """Ours, served by the default number of workers."""
        return self._stage.serve(OURS, self.settings, WORKERS)

    @property
    def hash_rounds(self) -> int:
        """The cost of a password hash: production's default."""
        return int(self._app.config["BCRYPT_LOG_ROUNDS"])

    def people(
        self, number: int, *, confirmed: bool, letter_due_on: datetime | None = None
    ) -> list[Person]:
        """Makes accounts.

        Args:
            letter_due_on: when the letter of the registration is due; None for no letter.
        """
        document = people.pattern(self.users, self.hash_rounds, confirmed=confirmed)
        (letter,) = document["outbox"]
        document["outbox"] = [{**letter, "due_on": letter_due_on}] if letter_due_on else []
        return people.insert(self.users, people.copies(document, number, self._stage.names()))

    def letter(self) -> bytes:
        """The mail of a registration, as our worker sends it."""
        self.owe_nothing()
        self.people(1, confirmed=False, letter_due_on=utcnow())
        leased = Outbox(self.users).lease(utcnow(), timedelta(minutes=1))
        assert leased
        with self._app.app_context():
            return render(leased).as_bytes()

    def owe_nothing(self) -> None:
        """Removes the letters that earlier rows have left."""
        self.users.update_many({"outbox.0": {"$exists": True}}, {"$set": {"outbox": []}})

    def cookie(self, person: Person) -> str:
        """The cookie of a signed-in browser that has seen a form, so it has a CSRF token."""
        ids = f"{person.id}.{person.session_id}"
        content = {"_user_id": ids, "_fresh": True, "csrf_token": secrets.token_hex(20)}
        return f"{self._app.config['SESSION_COOKIE_NAME']}={_sign(self._app, content)}"

    def bearer(self, person: Person) -> str:
        """The token of a program, whose session takes the place of the person's."""
        secret = bearer_tokens.new_secret()
        session_id = bearer_tokens.session_id_of(secret)
        self.users.update_one({"_id": person.id}, {"$set": {"sessions.0.id": session_id}})
        with self._app.app_context():
            user = users.find(person.id)
            assert user
            return bearer_tokens.make(user, secret)

    def link(self, person: Person) -> str:
        """The path of the link in the account's newest confirmation mail."""
        with self._app.app_context():
            signer = link_signer()
        token = signer.mint(Purpose.CONFIRM, person.id, person.email, person.version)
        return f"/confirm/{token}"


class Floor:
    """The least code that does the same steps."""

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
        """The floor, served by one worker."""
        return self._stage.serve(FLOOR, self.settings, 1)

    @cached_property
    def many(self) -> Web:
        """The floor, served by as many workers as ours."""
        return self._stage.serve(FLOOR, self.settings, WORKERS)

    def people(self, number: int) -> list[ObjectId]:
        """Makes unconfirmed accounts."""
        emails = (f"{name}@example.org" for name in self._stage.names())
        documents = [
            {"email": email, "email_key": email, "password_hash": "x" * 60, "confirmed": False}
            for email in itertools.islice(emails, number)
        ]
        return list(self.users.insert_many(documents).inserted_ids)

    def cookie(self, user_id: ObjectId) -> str:
        """The cookie of a signed-in browser."""
        return f"session={_sign(self._app, {'user': str(user_id)})}"

    def link(self, user_id: ObjectId) -> str:
        """The path of a confirmation link."""
        return f"/confirm/{self._links.dumps(str(user_id))!s}"


@dataclass(frozen=True, slots=True)
class Sides:
    """All sides of a run."""

    ours: Ours
    floor: Floor
    peers: tuple[Peer, ...] = ()


def _sign(app: Flask, content: dict[str, object]) -> str:
    """The value of a session cookie."""
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return str(signer.dumps(content))
