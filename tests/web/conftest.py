"""What the tests of pages share."""

import pytest
from flask import Flask

from tests.conftest import MakeApp


@pytest.fixture
def development(make_app: MakeApp) -> Flask:
    """The app as `make run` has it, but for its database and keys."""
    return make_app(
        APP_SETTINGS="config.DevelopmentConfig",
        SECRET_KEY="k" * 32,
        SECURITY_PASSWORD_SALT="s" * 32,
        MONGODB_URI="mongomock://localhost/latchkey",
    )
