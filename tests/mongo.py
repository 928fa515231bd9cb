"""A real MongoDB, for tests that mongomock cannot serve."""

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
    """A primary for each test process. A test that kills or pauses MongoDB uses its own."""
    # Not a tmp_path: pytest would keep some hundred megabytes of the last three runs.
    with (
        tempfile.TemporaryDirectory(prefix="latchkey-") as folder,
        start_mongod(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def mongod_of_its_own(tmp_path: Path) -> Iterator[Mongod]:
    """A MongoDB that the test may kill or pause."""
    server = start_mongod(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def real_uri(mongod: Mongod) -> Iterator[str]:
    """The URI of a database for this test only."""
    name = f"test_{uuid4().hex}"
    yield mongod.uri(name)
    client: MongoClient[dict[str, object]]
    with MongoClient(mongod.uri()) as client:
        client.drop_database(name)


def start_mongod(folder: Path, **parameters: int) -> Mongod:
    """Starts a mongod with its data in the folder; calls `missing` if this machine has none."""
    try:
        return Mongod.start(folder / "mongodb", parameters=parameters)
    except MongodUnavailableError as error:
        missing(f"no MongoDB: {error}")


def missing(what: str) -> NoReturn:
    """Skips the test because this machine lacks something; fails it in CI, which has everything."""
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)
