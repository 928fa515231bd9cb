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
    """A primary, one for each test process; a test that kills or pauses it starts its own."""
    # Not a tmp_path: pytest would keep some hundred megabytes of the last three runs.
    with (
        tempfile.TemporaryDirectory(prefix="latchkey-") as folder,
        start_mongod(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def mongod_of_its_own(tmp_path: Path) -> Iterator[Mongod]:
    """To be killed, stopped and otherwise ill-treated."""
    server = start_mongod(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def real_uri(mongod: Mongod) -> Iterator[str]:
    """The URI of a database that is this test's own."""
    name = f"test_{uuid4().hex}"
    yield mongod.uri(name)
    client: MongoClient[dict[str, object]]
    with MongoClient(mongod.uri()) as client:
        client.drop_database(name)


def start_mongod(folder: Path, **parameters: int) -> Mongod:
    """A mongod whose data are in the folder; without one the test is `missing` it."""
    try:
        return Mongod.start(folder / "mongodb", parameters=parameters)
    except MongodUnavailableError as error:
        missing(f"no MongoDB: {error}")


def missing(what: str) -> NoReturn:
    """Skips the test for what this machine lacks; fails it in CI, where all of it must be."""
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)
