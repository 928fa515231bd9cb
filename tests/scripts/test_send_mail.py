"""scripts/send_mail.py with a real mail server and a real MongoDB."""

import json
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pymongo.collection import Collection

from tests.conftest import MakeApp
from tests.mail.smtp_server import SAY_NOTHING, SmtpServer
from tests.processes import wait_until
from tests.scripts.conftest import ROOT, Run, command
from tests.visitor import Visitor

ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def server(environment: dict[str, str]) -> Iterator[SmtpServer]:
    """The mail server that the settings name."""
    server = SmtpServer()
    server.start()
    environment["APP_MAIL_PORT"] = str(server.port)
    yield server
    server.stop()


@pytest.fixture
def app(make_app: MakeApp, real_uri: str) -> Flask:
    """The app that owes the letters."""
    return make_app(MONGODB_URI=real_uri)


@pytest.fixture
def worker(
    environment: dict[str, str], server: SmtpServer, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A running mail worker."""
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            command("send_mail"), cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    yield process
    process.kill()
    process.wait()


def test_once_sends_the_letters_that_are_due_and_ends(
    run: Run, server: SmtpServer, app: Flask
) -> None:
    assert run("send_mail", "--once").returncode == 0, "nothing is due"
    Visitor(app).register(ADA)
    Visitor(app).register(BOB)
    done = run("send_mail", "--once")
    assert (done.returncode, done.stdout) == (0, "")
    logged = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in logged] == ["letter_sent"] * 2
    assert sorted(taken.recipients[0] for taken in server.taken) == [ADA, BOB]
    assert "https://app.example.org/confirm/" in server.taken[0].mail.text


def test_once_exits_1_while_letters_are_left(run: Run, server: SmtpServer, app: Flask) -> None:
    Visitor(app).register(ADA)
    server.answers["RCPT"] = ["451 later"]
    left = run("send_mail", "--once")
    assert left.returncode == 1
    assert "451 later" in left.stderr
    assert "Traceback" not in left.stderr
    assert run("send_mail", "--once").returncode == 1, "the letter is not due yet, but it is left"


def test_once_exits_0_after_a_permanent_refusal(run: Run, server: SmtpServer, app: Flask) -> None:
    Visitor(app).register(ADA)
    server.answers["RCPT"] = ["550 no such mailbox"]
    assert run("send_mail", "--once").returncode == 0


def test_an_unreachable_database_is_one_line_without_secrets(run: Run) -> None:
    uri = "mongodb://operator:s3cret-pass@127.0.0.1:1/latchkey?timeoutMS=200"
    ended = run("send_mail", "--once", MONGODB_URI=uri)
    assert ended.returncode == 1
    assert ended.stderr.startswith("MongoDB: ")
    assert "Traceback" not in ended.stderr
    assert "s3cret" not in ended.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_after_the_current_mail(
    worker: subprocess.Popen[bytes],
    server: SmtpServer,
    app: Flask,
    users: Collection[dict[str, Any]],
    how: signal.Signals,
) -> None:
    # Both letters are due before the signal. It arrives while the server takes the first mail.
    server.before_data = lambda: worker.send_signal(how)
    for email in (ADA, BOB):
        Visitor(app).register(email)
    assert worker.wait(30) == 0
    assert len(server.taken) == 1
    assert server.heard[-1] == "QUIT"
    assert [len(user["outbox"]) for user in users.find().sort("outbox.0")] == [0, 1]


def test_sigterm_ends_an_idle_worker(
    worker: subprocess.Popen[bytes], server: SmtpServer, app: Flask
) -> None:
    Visitor(app).register(ADA)
    wait_until(lambda: server.taken)
    worker.terminate()
    assert worker.wait(30) == 0


def test_a_letter_of_a_killed_worker_is_sent_after_its_lease(
    worker: subprocess.Popen[bytes],
    run: Run,
    server: SmtpServer,
    app: Flask,
    users: Collection[dict[str, Any]],
) -> None:
    server.answers["DATA"] = [SAY_NOTHING, ""]
    Visitor(app).register(ADA)
    wait_until(lambda: "DATA" in server.heard)
    worker.kill()
    worker.wait()
    (letter,) = _outbox(users)

    assert run("send_mail", "--once").returncode == 1, "the lease is not over"
    assert server.taken == []
    # The lease ends.
    users.update_one({}, {"$set": {"outbox.0.due_on": datetime.now(UTC)}})
    assert run("send_mail", "--once").returncode == 0
    (taken,) = server.taken
    assert taken.mail.message["Message-ID"] == f"<{letter['message_id']}@example.org>"
    assert _outbox(users) == []


def _outbox(users: Collection[dict[str, Any]]) -> list[dict[str, Any]]:
    document = users.find_one({"email_key": ADA})
    assert document is not None
    letters: list[dict[str, Any]] = document["outbox"]
    return letters
