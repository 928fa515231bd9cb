"""Equal time: a step takes a minimum time, whether it finds an account or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, sleep

# Seconds. A write that owes a letter waits for the journal and a majority, which takes a few
# milliseconds; a write that finds nothing takes one. This is several times more than either.
MINIMUM = 0.05


@contextmanager
def equal_time() -> Iterator[None]:
    """Makes the block take `MINIMUM` seconds at least, so that its time does not tell whether there
    is an account (CWE-208). After an error it does not wait: there is nothing to hide."""
    start = perf_counter()
    yield
    sleep(max(0.0, MINIMUM - (perf_counter() - start)))
