"""A real MongoDB, for what mongomock cannot show."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import pytest
from pymongo import MongoClient

from scripts.mongod import Mongod, MongodUnavailableError


@pytest.fixture(scope="session")
def mongod() -> Iterator[Mongod]:
    """A primary, one for each test process; whoever kills or pauses it starts one of their own."""
    # Not a tmp_path: pytest would keep some hundred megabytes of the last three runs.
    with tempfile.TemporaryDirectory(prefix="latchkey-") as folder:
        try:
            server = Mongod.start(Path(folder) / "mongodb")
        except MongodUnavailableError as error:
            missing(f"no MongoDB: {error}")
        with server:
            yield server


@pytest.fixture
def real_uri(mongod: Mongod) -> Iterator[str]:
    """The URI of a database that is this test's own."""
    name = f"test_{uuid4().hex}"
    yield mongod.uri(name)
    client: MongoClient[dict[str, object]]
    with MongoClient(mongod.uri()) as client:
        client.drop_database(name)


def missing(what: str) -> NoReturn:
    """Skips the test for what this machine lacks; fails it in CI, where all of it must be."""
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)
