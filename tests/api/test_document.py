"""docs/api.md is true: its commands work, and its lists are complete."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

import config
from app import create_app
from app.api.openapi import openapi_document
from app.api.operations import OPERATIONS
from app.api.problems import PROBLEMS
from app.mail.worker import Worker
from app.mongo import current_mongo
from app.users import indexes
from app.users.addresses import AddressProblem
from app.users.passwords import WeaknessKind
from tests.faults.real_processes import ROOT, Web
from tests.mailbox import Mailbox

DOCUMENT = (ROOT / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
_ROW = re.compile(r"^\| `(\w+)` \|(?: (\d+) \|)?", re.MULTILINE)
_FIELD_CODE = re.compile(r'FieldError\(\s*(?:"\w*"|field|name|field\.name),\s*"(\w+)"')


@pytest.fixture
def server(real_uri: str, tmp_path: Path) -> Iterator[Web]:
    """gunicorn on a real MongoDB."""
    web = Web(tmp_path / "web", MONGODB_URI=real_uri)
    web.settings["PUBLIC_URL"] = f"http://localhost:{web.port}"
    web.start()
    yield web
    web.kill()


@pytest.fixture
def mailbox(server: Web, tmp_path: Path) -> Mailbox:
    """The mails of the server."""
    settings = config.load(server.settings)
    settings.MAIL_FOLDER = str(tmp_path / "mail")
    app = create_app(settings)
    with app.app_context():
        list(indexes.apply(current_mongo().database))
    return Mailbox(Worker(app), Path(settings.MAIL_FOLDER))


def test_the_commands_of_the_document_work(server: Web, mailbox: Mailbox, tmp_path: Path) -> None:
    """Each block runs in a shell of its own, which begins with the variables of the one before."""
    state, answers = tmp_path / "state", []
    for block in BLOCKS:
        commands = block.replace("localhost:5000", f"localhost:{server.port}")
        if "CODE=123456" in commands:
            code = mailbox.newest("ada@example.org").code
            commands = commands.replace("CODE=123456", f"CODE={code}")
        if "LINK=" in commands:
            link = f"{server.settings['PUBLIC_URL']}{mailbox.newest('bob@example.org').link}"
            commands = re.sub("LINK=.*", f"LINK={link}", commands)
        commands = commands.replace("curl -sS", "curl -sS --fail-with-body")
        # Variables for the next block; not those that bash itself sets.
        kept = "API JSON AS_ADA RECOVERY_CODE CSRF"
        save = f'for name in {kept}; do [ -v "$name" ] && declare -p "$name"; done > {state}; true'
        script = f"touch {state}; . {state}; set -euo pipefail\n{commands}\n{save}"
        result = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{commands}\n{result.stdout}\n{result.stderr}"
        answers.append(result.stdout)
    told = "".join(answers)
    assert '"mail":"queued"' in told
    assert '"language":"de"' in told
    assert '"name":"My phone"' in told
    assert '"email":"bob@example.org","confirmed":true' in told


def test_the_document_lists_every_problem_with_its_status() -> None:
    listed = {code: int(status) for code, status in _ROW.findall(DOCUMENT) if status}
    assert listed == {code: kind.status for code, kind in PROBLEMS.items()}


def test_the_document_lists_every_code_of_a_field() -> None:
    listed = {code for code, status in _ROW.findall(DOCUMENT) if not status}
    written = {
        code
        for file in (ROOT / "app" / "api").glob("*.py")
        for code in _FIELD_CODE.findall(file.read_text())
    }
    derived = {f"password_{kind.name.lower()}" for kind in WeaknessKind}
    of_codes = {code for code in PROBLEMS if code.startswith("code_")}
    assert listed == written | derived | of_codes | {kind.name.lower() for kind in AddressProblem}


def test_every_operation_declares_problems_that_exist() -> None:
    named = {code for one in OPERATIONS.values() for code in one.problems}
    assert named <= PROBLEMS.keys()


def test_the_openapi_document_has_every_operation_once(app: Flask) -> None:
    document = openapi_document("Latchkey", "https://example.org/api/v1", "session")
    found = [
        method["operationId"] for path in document["paths"].values() for method in path.values()
    ]
    assert sorted(found) == sorted(OPERATIONS)
    served = app.test_client().get("/api/v1/openapi.json").get_json()
    assert served["openapi"] == "3.1.0"
    assert served["paths"].keys() == document["paths"].keys()


def test_the_openapi_document_says_which_fields_are_times() -> None:
    document = openapi_document("Latchkey", "https://example.org/api/v1", "session")
    times = [
        kind
        for schema in document["components"]["schemas"].values()
        for field, kind in schema["properties"].items()
        if field == "at" or field.endswith(("_at", "_on"))
    ]
    assert len(times) > 15
    assert all("'format': 'date-time'" in str(kind) for kind in times)
