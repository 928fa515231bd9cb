"""`examples/client.py` runs the whole journey."""

import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response, request

from app.api.problems import problem
from tests.browser.app_server import serve_with_mailbox
from tests.faults.real_processes import ROOT
from tests.faults.tcp_relay import TcpRelay
from tests.processes import free_port, wait_until
from tests.visitor import PASSWORD

EMAIL = "ada@example.com"


@pytest.fixture
def client(tmp_path: Path) -> Path:
    return ROOT / "examples" / "client.py"


def test_the_client_registers_waits_confirms_and_signs_out(tmp_path: Path, client: Path) -> None:
    with serve_with_mailbox(tmp_path) as server:
        process = _start(client, server.url)
        _type(process, PASSWORD)
        wait_until(lambda: server.mailbox.subjects(EMAIL))
        code = server.mailbox.newest(EMAIL).code
        output, errors = process.communicate(f"{code}\n", timeout=30)
    assert process.returncode == 0, errors
    assert f"A mail is on its way to {EMAIL}." in output
    assert "Confirmed on 2" in output
    assert "Language: en" in output
    assert "Signed in: Example client 127.0.0.1" in output


def test_the_client_repeats_a_request_whose_answer_was_lost(tmp_path: Path, client: Path) -> None:
    with serve_with_mailbox(tmp_path) as server:
        relay = TcpRelay(urlsplit(server.url).port or 0)
        relay.lose_answer(b"POST /api/v1/accounts", stays_dead=False)
        process = _start(client, f"http://127.0.0.1:{relay.port}")
        _type(process, PASSWORD)
        wait_until(lambda: relay.lost and server.mailbox.subjects(EMAIL))
        code = server.mailbox.newest(EMAIL).code
        _output, errors = process.communicate(f"{code}\n", timeout=30)
        relay.close()
        assert process.returncode == 0, errors
        # The newest mail of a second registration would have voided the code of the first.
        assert len(server.mailbox.subjects(EMAIL)) == 1


def test_the_client_waits_as_long_as_the_api_asks(tmp_path: Path, client: Path) -> None:
    with serve_with_mailbox(tmp_path) as server:
        times = _refused_once(server.app)
        process = _start(client, server.url)
        _type(process, PASSWORD)
        wait_until(lambda: server.mailbox.subjects(EMAIL))
        _output, errors = process.communicate("000000\n", timeout=30)
    assert errors.startswith("code_wrong:")
    refused, repeated = times
    assert repeated - refused >= 1


def test_the_client_says_that_there_is_no_answer(client: Path) -> None:
    process = _start(client, f"http://127.0.0.1:{free_port()}")
    _output, errors = process.communicate(f"{PASSWORD}\n", timeout=30)
    assert process.returncode == 1
    assert errors.startswith("No answer:")


def test_the_client_says_why_it_was_refused(tmp_path: Path, client: Path) -> None:
    with serve_with_mailbox(tmp_path) as server:
        process = _start(client, server.url)
        _output, errors = process.communicate("short\n", timeout=30)
    assert process.returncode == 1
    assert errors.startswith("fields_invalid:")
    assert "password: Use at least 8 characters." in errors


def _type(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def _refused_once(app: Flask) -> list[float]:
    """Refuses the first registration for a second. The list collects the times of all of them."""
    times: list[float] = []

    def refuse() -> Response | None:
        if request.path != "/api/v1/accounts":
            return None
        times.append(time.monotonic())
        return problem("too_many_attempts", retry_after=1) if len(times) == 1 else None

    app.before_request(refuse)
    return times


def _start(client: Path, site: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, client, site, EMAIL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
