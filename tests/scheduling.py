"""Which tests share a process, and which run first. A plugin of pytest, for `--dist=loadgroup`.

`xdist_group` of pytest-xdist 3.8 has no effect on pytest 9.2, and nothing says so
(github.com/pytest-dev/pytest-xdist/issues/1386). So the groups are made here, from file names.
"""

import os
import sys
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# They kill processes, measure time, or keep every core busy, so they never run beside each other.
LOUD = (
    "tests/faults/",
    "tests/mail/test_postfix.py",
    "tests/security/test_load_shedding.py",
    "tests/test_bench.py",
)
# They take longest. At the end of the run they would leave the other processes without work.
SLOW = (
    "tests/browser/test_every_page.py",
    "tests/scripts/test_dev.py",
    "tests/browser/",
    "tests/scripts/",
    "tests/server/",
)
_FIRST = (*LOUD, *SLOW)


class GroupScheduling(LoadFileScheduling):
    """One process runs all tests of a file, because they share fixtures, and all loud tests."""

    def _split_scope(self, nodeid: str) -> str:
        return "loud" if nodeid.startswith(LOUD) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than cores, for `--numprocesses=auto`: many tests wait for processes and
    for browsers."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return cores + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling | None:
    """Makes the scheduler, which keeps the order of the tests."""
    if config.getvalue("dist") != "loadgroup":
        return None
    config.option.loadscopereorder = False
    return GroupScheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest groups first."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    for rank, path in enumerate(_FIRST):
        if item.nodeid.startswith(path):
            return rank
    return len(_FIRST)
