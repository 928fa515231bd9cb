"""compose.yaml: its services, and a MongoDB that answers only the app."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from pymongo.uri_parser import parse_uri

from scripts.mongod import Mongod, find_mongod
from tests.processes import free_port, wait_until

FILE = Path(__file__).resolve().parents[1] / "compose.yaml"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services by name."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
    return found


def test_only_web_publishes_a_port_and_only_to_this_machine(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}
    assert not any("network_mode" in service for service in services.values())


def test_the_app_signs_in_to_the_database_that_it_uses(services: dict[str, Any]) -> None:
    for name in ("indexes", "web", "worker"):
        uri = re.sub(r"\$\{(\w+)[^}]*\}", r"\1", services[name]["environment"]["MONGODB_URI"])
        parsed = parse_uri(uri)
        assert (parsed["username"], parsed["password"]) == ("latchkey", "MONGODB_PASSWORD")
        assert parsed["database"] == "latchkey"
        assert "MONGODB_ADMIN_PASSWORD" not in services[name]["environment"]


def test_every_secret_comes_from_the_environment_and_is_required() -> None:
    text = FILE.read_text()
    for name in ("MONGODB_PASSWORD", "MONGODB_ADMIN_PASSWORD", "SECRET_KEY"):
        assert set(re.findall(rf"\$\{{{name}\b(..)", text)) == {":?"}
    # Compose would replace a single $ in a script as a variable.
    assert set(re.findall(r"\$(.)", text)) == {"{"}


@contextmanager
def started(entrypoint: list[str], folder: Path) -> Iterator[int]:
    """Starts a mongod like the container, with other paths. Yields its port."""
    port, log = free_port(), folder / "log"
    (folder / "db").mkdir()
    here = f"{find_mongod()} --dbpath {folder}/db --port {port} --nounixsocket"
    *shell, script = entrypoint
    for theirs, ours in [
        ("/data/configdb", str(folder)),
        ("docker-entrypoint.sh mongod", here),
        ("--bind_ip_all", "--bind_ip 127.0.0.1"),
    ]:
        assert theirs in script
        script = script.replace(theirs, ours)
    with log.open("wb") as output, subprocess.Popen([*shell, script], stdout=output) as process:
        try:
            wait_until(lambda: "Waiting for connections" in log.read_text(errors="replace"))
            yield port
        finally:
            process.kill()


def test_mongodb_answers_only_after_sign_in(
    services: dict[str, Any], mongod: Mongod, tmp_path: Path
) -> None:
    """The health check initiates the set and makes the first user from localhost."""
    script = services["mongodb"]["healthcheck"]["test"][-1]
    assert script.index("rs.initiate") < script.index("admin.createUser")
    with (
        started(services["mongodb"]["entrypoint"], tmp_path) as port,
        MongoClient[dict[str, Any]]("127.0.0.1", port, directConnection=True) as client,
    ):
        members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
        wait_until(lambda: client.admin.command("hello")["isWritablePrimary"])
        client.admin.command("createUser", "admin", pwd="secret", roles=["root"])
        for refused in (
            partial(client["latchkey"]["users"].find_one),
            partial(client.admin.command, "createUser", "other", pwd="x", roles=["root"]),
        ):
            with pytest.raises(OperationFailure, match="requires authentication"):
                refused()
