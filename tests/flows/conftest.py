"""Fixtures of the flows: an app without a request."""

from collections.abc import Iterator

import pytest
from flask import Flask, has_request_context

from tests.conftest import MakeApp


@pytest.fixture(params=["mongomock", "mongod"])
def app(request: pytest.FixtureRequest, make_app: MakeApp) -> Iterator[Flask]:
    """The app on mongomock and on a real MongoDB, with an app context and without a request."""
    uri = {}
    if request.param == "mongod":
        uri = {"MONGODB_URI": request.getfixturevalue("real_uri")}
    app = make_app(**uri)
    with app.app_context():
        assert not has_request_context()
        yield app
