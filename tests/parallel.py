"""Runs several steps at the same moment, so that they race each other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

First = TypeVar("First")
Second = TypeVar("Second")
Result = TypeVar("Result")


def in_parallel(*steps: Callable[[], Result]) -> list[Result]:
    """Starts all steps at the same moment and returns their results, in the order of the steps."""
    start = Barrier(len(steps))

    def take(step: Callable[[], Result]) -> Result:
        start.wait()
        return step()

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(take, steps))


def both_in_parallel(
    first: Callable[[], First], second: Callable[[], Second]
) -> tuple[First, Second]:
    """Starts two steps, which may return different types, at the same moment."""
    start = Barrier(2)

    def take_second() -> Second:
        start.wait()
        return second()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(take_second)
        start.wait()
        return first(), running.result()
