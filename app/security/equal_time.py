"""Equal time: a step takes a minimum time, whether it finds an account or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, sleep

# Seconds. A write that stores a letter waits for the journal and a majority, which takes a few
# milliseconds; a write that matches nothing takes one. The minimum is several times longer.
MINIMUM = 0.05


@contextmanager
def equal_time() -> Iterator[None]:
    """Makes the block take at least `MINIMUM` seconds, so that its time does not show whether there
    is an account (CWE-208). After an error it does not wait."""
    start = perf_counter()
    yield
    sleep(max(0.0, MINIMUM - (perf_counter() - start)))
