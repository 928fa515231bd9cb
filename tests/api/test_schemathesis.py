"""schemathesis sends a running app what its OpenAPI document allows, and what it does not.

With `SCHEMATHESIS_EXAMPLES=450` it sends about 20,000 requests.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import config
from app import create_app
from app.mongo import current_mongo, users
from app.security.login_sessions import new_session
from app.users import indexes
from app.users.addresses import parse_address
from app.users.client import Client
from app.users.clock import utcnow
from app.users.passwords import hash_password
from tests.faults.real_processes import ROOT, Web
from tests.planted_factors import plant_app, plant_codes, plant_passkey
from tests.visitor import PASSWORD

HERE = Path(__file__).parent
ADA = parse_address("ada@example.com")
# For each of the 44 operations; about 1,000 in all, with those that its other phases add.
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "12")


@pytest.fixture
def server(real_uri: str, tmp_path: Path) -> Iterator[Web]:
    """gunicorn, with an account that has every kind of second factor."""
    web = Web(tmp_path / "web", MONGODB_URI=real_uri)
    web.settings["PUBLIC_URL"] = f"http://localhost:{web.port}"
    app = create_app(config.load(web.settings))
    with app.app_context():
        list(indexes.apply(current_mongo().database))
        user = users.register(
            ADA, hash_password(PASSWORD, 4), new_session(Client()), timedelta(days=7)
        )
        assert user
        assert users.confirm(user, user.token_version, utcnow(), Client())
        session = new_session(Client(), second_factor=True)
        now = session.signed_in_on
        assert users.sign_in(user, session, trust_until=now + timedelta(days=1))
    for plant in (plant_app, plant_codes, plant_passkey):
        plant(app)
    web.start()
    yield web
    web.kill()


@pytest.mark.timeout(3600)
def test_schemathesis_finds_nothing(server: Web) -> None:
    """All checks, in all phases: the examples of the document, the borders of its types, random
    values, and sequences of calls along the links of the document."""
    result = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            f"--config-file={HERE / 'schemathesis.toml'}",
            "run",
            f"http://localhost:{server.port}/api/v1/openapi.json",
            "--checks=all",
            f"--max-examples={EXAMPLES}",
            "--continue-on-failure",
            "--seed=1",
            "--no-color",
        ],
        cwd=ROOT,
        env=server.settings | {"SCHEMATHESIS_HOOKS": "tests.api.schemathesis_hooks"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-20_000:]
