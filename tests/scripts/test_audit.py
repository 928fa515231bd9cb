"""scripts/audit.py with a fake pip-audit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
UNKNOWN = {"name": "zxcvbn", "skip_reason": "Dependency not found"}
VULNERABLE = {"name": "jinja2", "version": "2.10", "vulns": [{"id": "CVE-2019-10906"}]}


def audit(tmp_path: Path, printed: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs the script with a pip-audit that prints `printed` and exits with `status`."""
    fake = tmp_path / "pip_audit.py"
    fake.write_text(f"import sys\nprint({printed!r})\nsys.exit({status})\n")
    return subprocess.run(
        [sys.executable, "scripts/audit.py"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_vulnerable_package_is_named_and_exits_1(tmp_path: Path) -> None:
    found = audit(tmp_path, json.dumps({"dependencies": [SOUND, VULNERABLE, UNKNOWN]}), status=1)
    assert found.returncode == 1
    assert found.stdout == (
        "jinja2 2.10: CVE-2019-10906\n"
        "audit: 3 packages, of which the package index knows 2, 1 vulnerable\n"
    )


def test_packages_that_the_index_does_not_know_are_counted(tmp_path: Path) -> None:
    found = audit(tmp_path, json.dumps({"dependencies": [SOUND, UNKNOWN]}))
    assert found.returncode == 0
    assert found.stdout == "audit: 2 packages, of which the package index knows 1, 0 vulnerable\n"


def test_an_index_that_knows_no_package_means_not_done(tmp_path: Path) -> None:
    found = audit(tmp_path, json.dumps({"dependencies": [UNKNOWN, UNKNOWN]}))
    assert found.returncode == 0
    assert found.stdout == "audit: not done, the package index knows none of the 2 packages\n"


@pytest.mark.parametrize("printed", ["", "no JSON", "{}"])
def test_an_index_that_does_not_answer_means_not_done(tmp_path: Path, printed: str) -> None:
    found = audit(tmp_path, printed, status=1)
    assert found.returncode == 0
    assert found.stdout == "audit: not done, the package index does not answer\n"
