"""`examples/client.py` runs the whole journey."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.app_server import AppServer, serve_with_mailbox
from tests.faults.real_processes import ROOT
from tests.processes import wait_until
from tests.visitor import PASSWORD

EMAIL = "ada@example.com"


@pytest.fixture
def client(tmp_path: Path) -> Path:
    return ROOT / "examples" / "client.py"


def test_the_client_registers_waits_confirms_and_signs_out(tmp_path: Path, client: Path) -> None:
    with serve_with_mailbox(tmp_path) as server:
        process = _start(client, server)
        process.stdin.write(f"{PASSWORD}\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        wait_until(lambda: server.mailbox.subjects(EMAIL))
        code = server.mailbox.newest(EMAIL).code
        output, errors = process.communicate(f"{code}\n", timeout=30)
    assert process.returncode == 0, errors
    assert f"A mail is on its way to {EMAIL}." in output
    assert "Confirmed on 2" in output
    assert "Signed in: Example client 127.0.0.1" in output


def test_the_client_says_why_it_was_refused(tmp_path: Path, client: Path) -> None:
    with serve_with_mailbox(tmp_path) as server:
        process = _start(client, server)
        _output, errors = process.communicate("short\n", timeout=30)
    assert process.returncode == 1
    assert errors.startswith("fields_invalid:")
    assert "password: Use at least 8 characters." in errors


def _start(client: Path, server: AppServer) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, client, server.url, EMAIL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
