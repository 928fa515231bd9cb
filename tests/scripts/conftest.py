"""Runs scripts as operators do: in a separate process, with the settings of production.

test_starting.py shows that Python starts each of them, too.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from tests.scripts.forked import run_forked

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


def command(script: str, *arguments: str) -> list[str]:
    """The command that an operator types."""
    return [sys.executable, f"scripts/{script}.py", *arguments]


@pytest.fixture
def environment(real_uri: str) -> dict[str, str]:
    """Settings of production with a real MongoDB. No mail server runs unless a test starts one."""
    return {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "only-for-tests-secret-key-0123456789",
        "SECURITY_PASSWORD_SALT": "only-for-tests-password-salt-0123456789",
        "MONGODB_URI": real_uri,
        "PUBLIC_URL": "https://app.example.org",
        "APP_MAIL_SERVER": "127.0.0.1",
        "APP_MAIL_PORT": "1",
        "APP_MAIL_USE_SSL": "false",
        "APP_MAIL_DEFAULT_SENDER": "no-reply@example.org",
        "BCRYPT_LOG_ROUNDS": "10",
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Runs a script to its end: `run("create_admin", "ada@example.com", stdin="…")`."""

    def run(
        script: str, *arguments: str, stdin: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        path = str(ROOT / "scripts" / f"{script}.py")
        return run_forked([path, *arguments], environment | variables, stdin)

    return run


@pytest.fixture
def users(real_uri: str) -> Collection[dict[str, Any]]:
    """The accounts of the database that the scripts use."""
    client: MongoClient[dict[str, Any]] = MongoClient(real_uri, tz_aware=True)
    return client.get_default_database()["users"]
