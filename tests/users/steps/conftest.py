"""Fixtures of the steps."""

import pytest

from app.users.client import Client
from app.users.repository import UserRepository
from app.users.user import User
from tests.users.conftest import (
    ADA,
    BOB,
    HOME,
    NOW,
    PHONE,
    WEEK,
    found,
    new_session,
)


@pytest.fixture
def busy(users: UserRepository, ada: User) -> User:
    """An account with sessions, a former address, a pending change and an owed reset."""
    users.sign_in(ada, new_session(device=PHONE))
    users.ask_email_change(ada, BOB, NOW, HOME)
    user = found(users, ada)
    assert user.pending_email
    users.change_email(user, user.pending_email, NOW, HOME, WEEK)
    users.ask_email_change(found(users, ada), ADA, NOW, HOME)
    users.ask_reset(BOB.key, NOW, HOME)
    users.refuse_sign_in(ada.id, NOW, Client("192.0.2.9", "Safari"))
    return found(users, ada)
