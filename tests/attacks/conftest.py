"""Fixtures of the attacks."""

from collections.abc import Iterator

import pytest

from tests.test_gunicorn import Gunicorn, serving


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """A gunicorn with our settings on loopback, where gunicorn trusts proxies by default."""
    with serving(tmp_path_factory.mktemp("attacked")) as server:
        yield server
