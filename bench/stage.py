"""What the rows share, each part started when the first row needs it."""

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
from bench.servers import Web, settings
from scripts.mongod import Mongod

# The patience of a page is no business of a row that fills a machine.
_PATIENT = "&timeoutMS=60000&socketTimeoutMS=60000&waitQueueTimeoutMS=60000"
# What a small machine gives it; by default ours is one for tests.
_CACHE = "cache_size=1G"


@dataclass(frozen=True, slots=True)
class Effort:
    """How long it may take.

    Attributes:
        rounds: pairs of rounds a row.
        page_seconds: of a round of what takes milliseconds.
        hashes: in a round of what takes one: a core makes a few per second.
        flood_rounds: pairs of a quiet and a flooded one.
        flood_seconds: of such a round.
        letters: delivered in a round.
        letter_rounds: pairs; a worker's start takes longer than its letters.
        mail_servers: seconds a mail that each takes: none, which shows what we cost; some, as
            across a network.
        accounts: in the large collection.
        steps: of each kind that are timed in a round on it.
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
    """A mongod, a folder, and the processes that are started on them; ends all with its block."""

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
        """One for all."""
        mongod = self.stack.enter_context(Mongod.start(self.folder / "mongodb"))
        with MongoClient[dict[str, Any]](mongod.uri()) as client:
            client.admin.command("setParameter", 1, wiredTigerEngineRuntimeConfig=_CACHE)
        return mongod

    def names(self) -> Iterator[str]:
        """Local parts that nobody has had yet."""
        return (f"person{number}" for number in self._numbers)

    def database(self, name: str) -> Database[dict[str, Any]]:
        """A database, through the app's own client."""
        database = connect(self.mongod.uri(name) + _PATIENT)
        self.stack.callback(database.client.close)
        return database

    def settings(self, name: str, smtp_port: int = 1) -> dict[str, str]:
        """The environment of a process on a database."""
        return settings(self.mongod.uri(name), smtp_port)

    def log(self) -> Path:
        """Where a process writes its errors."""
        return self.folder / f"process-{next(self._numbers)}.log"

    def serve(self, app: str, env: dict[str, str], workers: int) -> Web:
        """Starts gunicorn; returns once it answers."""
        web = self.stack.enter_context(Web(app, env, self.log(), workers))
        web.wait_for_answer()
        return web
