"""MongoDB answers with an error: an outage is a 503, any other error is a 500 with a traceback.

The fail point `failCommand` makes a real mongod answer with an error. It stays on until the test
ends, because the driver repeats reads and writes.
"""

import re
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from flask import Flask
from pymongo import MongoClient

from app.mail.worker import Worker
from app.mongo import current_mongo
from scripts.mongod import Mongod
from tests.conftest import MakeApp
from tests.faults.conftest import Users
from tests.visitor import Visitor
from tests.web.pages import assert_our_page

ADA = "ada@example.com"
UNAUTHORIZED, FAILED_VALIDATION, STEPPING_DOWN, SHUTTING_DOWN = 13, 121, 11602, 91
FAULTS, OUTAGES = [UNAUTHORIZED, FAILED_VALIDATION], [STEPPING_DOWN, SHUTTING_DOWN]
# The driver repeats until its timeout, which may end while it waits for a primary.
OUTAGE = "(NotPrimaryError|ExecutionTimeout|NetworkTimeout|ServerSelectionTimeoutError)"

Answer = Callable[..., None]


@pytest.fixture
def app(make_app: MakeApp, uri: str, users: Users) -> Flask:
    """The app on the mongod with fail points."""
    app = make_app(MONGODB_URI=f"{uri}&timeoutMS=1000", RATELIMIT_ENABLED="false")
    app.config["PROPAGATE_EXCEPTIONS"] = False  # as in production
    return app


@pytest.fixture
def ada(app: Flask) -> Visitor:
    """A person who is signed in."""
    ada = Visitor(app)
    ada.register(ADA)
    return ada


@pytest.fixture
def answer(failing_mongod: Mongod) -> Iterator[Answer]:
    """After `answer(13, "find")` every `find` of the app fails with that code."""
    with MongoClient[dict[str, Any]](failing_mongod.uri()) as client:

        def answer(code: int, *commands: str) -> None:
            data = {"failCommands": list(commands), "errorCode": code, "appName": "latchkey"}
            client.admin.command(
                {"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data}
            )

        yield answer
        client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_is_a_500_with_a_traceback_in_the_log(
    ada: Visitor, answer: Answer, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    form = ada.fill("/login", email=ADA, password="not the password")
    answer(code, "find", "findAndModify")
    assert_our_page(ada.get("/unconfirmed"), 500)
    assert_our_page(ada.client.post("/login", data=form), 500)
    assert caplog.text.count("OperationFailure: ") >= 2
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("code", OUTAGES)
def test_an_outage_is_a_503_with_one_line_in_the_log(
    ada: Visitor, answer: Answer, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    form = ada.fill("/login", email=ADA, password="not the password")
    caplog.clear()
    answer(code, "find", "findAndModify")
    for page in (ada.get("/unconfirmed"), ada.client.post("/login", data=form)):
        assert_our_page(page, 503)
        assert int(page.headers["Retry-After"]) > 0
    lines = [line.getMessage() for line in caplog.records if line.levelname == "ERROR"]
    assert len(lines) == 2
    assert all(re.fullmatch(f"MongoDB: {OUTAGE}", line) for line in lines), lines
    assert "Traceback" not in caplog.text


def test_a_document_that_the_validator_refuses_is_a_500_and_is_not_stored(
    app: Flask, users: Users, caplog: pytest.LogCaptureFixture
) -> None:
    """The validator is the schema of a newer version, which this one does not meet."""
    validator = users.options()["validator"]
    stricter = {"$and": [validator, {"field_of_a_newer_version": {"$exists": True}}]}
    users.database.command("collMod", users.name, validator=stricter)
    try:
        page = Visitor(app).register(ADA)
    finally:
        users.database.command("collMod", users.name, validator=validator)
    assert_our_page(page, 500)
    assert "Document failed validation" in caplog.text
    assert "Traceback" in caplog.text
    assert users.count_documents({}) == 0
    assert Visitor(app).register(ADA).location == "/unconfirmed"


class OneRound(Event):
    """An event that stops a worker at its first pause."""

    def wait(self, timeout: float | None = None) -> bool:
        """The worker calls this when it waits for letters, or after an error."""
        self.set()
        return True


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("code", FAULTS)
def test_the_worker_logs_a_fault_with_its_traceback_and_goes_on(
    app: Flask, users: Users, answer: Answer, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer(code, "findAndModify")
    Worker(app).run(OneRound())
    assert "Traceback" in caplog.text
    assert "OperationFailure: " in caplog.text
    (account,) = users.find({"email_key": ADA})
    assert len(account["outbox"]) == 1


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("code", OUTAGES)
def test_the_worker_logs_an_outage_in_one_line_and_goes_on(
    app: Flask, users: Users, answer: Answer, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer(code, "findAndModify")
    caplog.clear()
    Worker(app).run(OneRound())
    (line,) = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(f"mail: MongoDB: {OUTAGE}", line)
    assert "Traceback" not in caplog.text
    (account,) = users.find({"email_key": ADA})
    assert len(account["outbox"]) == 1


@pytest.mark.parametrize("command", ["aggregate", "find", "listIndexes"])
@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (UNAUTHORIZED, "mongodb: refuses a command; see the log"),
        (FAILED_VALIDATION, "mongodb: refuses a command; see the log"),
        (STEPPING_DOWN, "mongodb: does not answer"),
        (SHUTTING_DOWN, "mongodb: does not answer"),
    ],
)
def test_readiness_names_a_fault_and_an_outage_differently(
    app: Flask,
    answer: Answer,
    command: str,
    code: int,
    problem: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with app.app_context():
        current_mongo().users.find_one()  # connects
    answer(code, command)
    ready = Visitor(app).get("/health/ready")
    assert ready.status_code == 503
    assert ready.get_json()["problems"] == [problem]
    assert ("Traceback" in caplog.text) is (code in FAULTS)
    assert Visitor(app).get("/health/live").status_code == 200
