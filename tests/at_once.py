"""Races: the same moment for several steps."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def at_once(*steps: Callable[[], T]) -> list[T]:
    """What each step returns when all are taken at the same moment."""
    start = Barrier(len(steps))

    def take(step: Callable[[], T]) -> T:
        start.wait()
        return step()

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(take, steps))
