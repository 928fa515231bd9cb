"""What the rows share. Each part starts when the first row needs it."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pymongo import MongoClient
from pymongo.database import Database

from app.mongo import connect
from bench.servers import Sink, Web, settings
from scripts.mongod import Mongod

# Longer time-outs than production's: some rows keep every core busy.
_PATIENT = "&timeoutMS=60000&socketTimeoutMS=60000&waitQueueTimeoutMS=60000"
# The cache on a small machine; the default of scripts/mongod.py is for tests.
_CACHE = "cache_size=1G"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a run measures.

    Attributes:
        rounds: rounds of each side in a row.
        page_seconds: the length of a round of fast steps.
        hashes: steps in a round whose steps hash a password; a core hashes a few per second.
        flood_rounds: pairs of a quiet round and a flooded one.
        flood_seconds: the length of such a round.
        letters: letters delivered in a round.
        letter_rounds: pairs of rounds with letters; starting a worker takes most of the time.
        mail_servers: seconds per mail of each mail server: 0 shows our own cost, more is like a
            server across a network.
        accounts: accounts in the large collection.
        steps: how often each step runs on the large collection.
    """

    rounds: int
    page_seconds: float
    hashes: int
    flood_rounds: int
    flood_seconds: float
    letters: int
    letter_rounds: int
    mail_servers: tuple[float, ...]
    accounts: int
    steps: int


FULL = Effort(
    rounds=5,
    page_seconds=1.5,
    hashes=24,
    flood_rounds=2,
    flood_seconds=4.0,
    letters=150,
    letter_rounds=2,
    mail_servers=(0.0, 0.02),
    accounts=1_000_000,
    steps=60,
)
QUICK = Effort(
    rounds=1,
    page_seconds=0.8,
    hashes=6,
    flood_rounds=1,
    flood_seconds=1.5,
    letters=40,
    letter_rounds=1,
    mail_servers=(0.02,),
    accounts=10_000,
    steps=12,
)


class Stage:
    """A mongod, a folder, and the processes on them; all end with the `with` block."""

    def __init__(self, effort: Effort) -> None:
        self.effort = effort
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    @cached_property
    def mongod(self) -> Mongod:
        """The MongoDB that all sides share."""
        mongod = self.stack.enter_context(Mongod.start(self.folder / "mongodb"))
        with MongoClient[dict[str, Any]](mongod.uri()) as client:
            client.admin.command("setParameter", 1, wiredTigerEngineRuntimeConfig=_CACHE)
        return mongod

    def names(self) -> Iterator[str]:
        """Local parts of addresses; none comes twice."""
        return (f"person{number}" for number in self._numbers)

    def database(self, name: str) -> Database[dict[str, Any]]:
        """A database, through the app's own client."""
        database = connect(self.mongod.uri(name) + _PATIENT)
        self.stack.callback(database.client.close)
        return database

    def settings(self, name: str, smtp_port: int = 1) -> dict[str, str]:
        """The environment of a process that uses a database."""
        return settings(self.mongod.uri(name), smtp_port)

    def log(self) -> Path:
        """The file for the errors of a process."""
        return self.folder / f"process-{next(self._numbers)}.log"

    def serve(self, app: str, env: dict[str, str], workers: int) -> Web:
        """Starts gunicorn; returns once it answers."""
        web = self.stack.enter_context(Web(app, env, self.log(), workers))
        web.wait_for_answer()
        return web

    def mail_server(self, seconds: float) -> Sink:
        """A mail server that takes so many seconds per mail; start it with `with`."""
        return Sink(self.settings("mail"), self.log(), seconds)
