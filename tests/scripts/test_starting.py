"""Each script starts as an operator types it. The other tests fork a process that has the app."""

import subprocess

import pytest

from tests.scripts.conftest import ROOT, command


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("create_admin", "Refused: no address"),
        ("create_indexes", "email_key"),
        ("doctor", "mongodb: reachable"),
        ("report", "Registered from"),
        ("send_mail", "usage: "),
    ],
)
def test_python_starts_the_script(environment: dict[str, str], script: str, words: str) -> None:
    done = subprocess.run(
        [*command(script), *(["--help"] if script == "send_mail" else [])],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
