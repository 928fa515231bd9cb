"""Somebody with a confirmed account."""

import pytest

from app.users.repository import UserRepository
from app.users.user import User
from tests.users.conftest import confirm, register


@pytest.fixture
def ada(users: UserRepository) -> User:
    """Confirmed, signed in on one browser, with the password hash "hash"."""
    return confirm(users, register(users))
