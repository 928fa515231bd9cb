"""Parallel test processes: the tests of a file share one, and so do all loud tests."""

import os
import subprocess
import sys
from pathlib import Path

from tests.scheduling import LOUD, SLOW

ROOT = Path(__file__).resolve().parents[1]
FILES = ["tests/test_one.py", "tests/test_two.py", "tests/test_bench.py", "tests/faults/test_a.py"]
TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(8))
def test(number: int) -> None:
    with open(os.environ["RUN"], "a") as run:
        print(__file__, os.environ["PYTEST_XDIST_WORKER"], file=run)
"""


def test_one_process_runs_a_file_one_runs_all_loud_tests_and_these_come_first(
    tmp_path: Path,
) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(TESTS)
    plugins = ["-p", "xdist.plugin", "-p", "tests.scheduling"]
    only_these = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-n", "2", "--dist=loadgroup", "tests"],
        cwd=tmp_path,
        env={**os.environ, **only_these, "RUN": str(tmp_path / "run")},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    run = [line.split() for line in (tmp_path / "run").read_text().splitlines()]
    processes = {name: {of for file, of in run if file.endswith(name)} for name in FILES}
    assert len(run) == 8 * len(FILES)
    assert {len(found) for found in processes.values()} == {1}
    assert processes["tests/test_bench.py"] == processes["tests/faults/test_a.py"]
    (loud,) = processes["tests/test_bench.py"]
    first = next(file for file, process in run if process == loud)
    assert first.endswith("tests/faults/test_a.py")


def test_every_named_file_exists() -> None:
    assert [path for path in (*LOUD, *SLOW) if not (ROOT / path).exists()] == []
