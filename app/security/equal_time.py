"""Equal time: a step takes a minimum time, whether it finds an account or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, sleep

from flask import current_app


@contextmanager
def equal_time() -> Iterator[None]:
    """Makes the block take at least `EQUAL_TIME` seconds, so that its time does not show whether
    there is an account (CWE-208). After an error it does not wait."""
    start = perf_counter()
    yield
    sleep(max(0.0, current_app.config["EQUAL_TIME"] - (perf_counter() - start)))
