"""Steps that take equally long, whatever there was to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, sleep

# Seconds. A write that owes a letter waits for the journal and a majority, so it takes a few
# milliseconds; one that finds nothing takes one. Several times the former, and no person notices.
FLOOR = 0.05


@contextmanager
def evenly() -> Iterator[None]:
    """Lets the block take `FLOOR` seconds at least, so that its time does not tell whether there
    is an account (CWE-208). Where it fails there is nothing to hide, and nobody waits."""
    start = perf_counter()
    yield
    sleep(max(0.0, FLOOR - (perf_counter() - start)))
