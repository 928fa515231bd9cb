"""An outage of MongoDB is a 503 (try again). A fault of the app is a 500."""

from collections.abc import Callable

import pytest
from flask import Flask
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    CursorNotFound,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidOperation,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
    WriteError,
    WTimeoutError,
)

from app.mongo import connect, is_outage
from tests.visitor import Visitor
from tests.web.pages import assert_our_page

# With this label a server says that a repeated write may succeed.
RETRYABLE = {"errorLabels": ["RetryableWriteError"]}

OUTAGES = [
    AutoReconnect("connection closed"),
    CursorNotFound("the server has started again", 43),
    OperationFailure("shutting down", 91),
    OperationFailure("the primary has stepped down", 189),
    OperationFailure("exceeded time limit", 262),
    WriteConcernError("interrupted", 11602),
    BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 91}]}),
    BulkWriteError({"writeErrors": [{"code": 10107}], "writeConcernErrors": []}),
    NotPrimaryError("not primary"),
    NetworkTimeout("timed out"),
    ServerSelectionTimeoutError("no primary"),
    WaitQueueTimeoutError("no connection is free"),
    ExecutionTimeout("operation exceeded time limit", 50),
    WTimeoutError("waiting for replication timed out", 64),
    OperationFailure("the primary steps down", 189, RETRYABLE),
    WriteConcernError("the primary steps down", 189, RETRYABLE),
]
FAULTS = [
    WriteError("Document failed validation", 121),
    OperationFailure("not authorized on latchkey to execute command", 13),
    OperationFailure("unknown operator: $nope", 2),
    OperationFailure("Document failed validation", 121),
    DuplicateKeyError("E11000 duplicate key error", 11000),
    ConfigurationError("unknown option"),
    InvalidOperation("Cannot use MongoClient after close"),
    BulkWriteError({"writeErrors": [{"index": 0, "code": 121, "errmsg": "failed validation"}]}),
]


def _id(error: PyMongoError) -> str:
    return f"{type(error).__name__} {getattr(error, 'code', None) or ''}".strip()


@pytest.fixture
def breaking(app: Flask) -> Callable[[PyMongoError], Visitor]:
    """A visitor of an app whose page `/fail` raises an error."""

    def make(error: PyMongoError) -> Visitor:
        def fail() -> str:
            raise error

        app.config["PROPAGATE_EXCEPTIONS"] = False  # as in production
        app.add_url_rule("/fail", "fail", fail)
        return Visitor(app)

    return make


Breaking = Callable[[PyMongoError], Visitor]


@pytest.mark.parametrize("error", OUTAGES, ids=_id)
def test_an_outage_is_a_503_with_one_line_in_the_log(
    breaking: Breaking, error: PyMongoError, caplog: pytest.LogCaptureFixture
) -> None:
    assert is_outage(error)
    page = breaking(error).get("/fail")
    assert_our_page(page, 503)
    assert int(page.headers["Retry-After"]) > 0
    assert "We cannot reach our database" in page.text
    assert f"MongoDB: {type(error).__name__}" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("error", FAULTS, ids=_id)
def test_any_other_error_is_a_500_with_a_traceback_in_the_log(
    breaking: Breaking, error: PyMongoError, caplog: pytest.LogCaptureFixture
) -> None:
    assert not is_outage(error)
    page = breaking(error).get("/fail")
    assert_our_page(page, 500)
    assert "Retry-After" not in page.headers
    assert "cannot reach our database" not in page.text
    assert "Traceback" in caplog.text
    assert type(error).__name__ in caplog.text


def test_an_unknown_host_in_dns_is_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """pymongo asks DNS when it makes a client for mongodb+srv://."""

    def refuse(*_args: object, **_options: object) -> None:
        raise ConfigurationError("The DNS query name does not exist")

    monkeypatch.setattr("app.mongo.MongoClient", refuse)
    monkeypatch.setattr("app.mongo.parse_uri", lambda *_args, **_options: {"options": {}})
    with pytest.raises(ConnectionFailure):
        connect("mongodb+srv://db.example.org/latchkey")
    with pytest.raises(ConfigurationError):
        connect("mongodb://db.example.org/latchkey")
