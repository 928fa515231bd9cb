"""Making an administrator at the shell, on mongomock and on MongoDB."""

import pytest

from app.users.documents import random_id
from app.users.repository import UserRepository
from app.users.user import User
from tests.users.conftest import (
    ADA,
    HOUR,
    NOW,
    WEEK,
    Users,
    confirm,
    new_session,
    nothing_changes,
    register,
)

LATER = NOW + HOUR


def test_a_new_administrator_is_confirmed_and_has_no_session(users: UserRepository) -> None:
    assert users.create_admin(ADA, "hash", NOW)
    admin = users.find_by_email("ada@example.com")
    assert admin == User(
        id=admin.id if admin else random_id(),
        email="Ada@Example.com",
        email_key="ada@example.com",
        password_hash="hash",
        registered_on=NOW,
        token_version=1,
        confirmed=True,
        confirmed_on=NOW,
        admin=True,
    )


def test_a_new_administrator_can_sign_in_and_cannot_be_replaced_by_a_registration(
    users: UserRepository, collection: Users
) -> None:
    users.create_admin(ADA, "hash", NOW)
    admin = users.find_by_email(ADA.key)
    assert admin is not None
    assert users.sign_in(admin, new_session())
    with nothing_changes(collection):
        assert users.register(ADA, "other", new_session(), WEEK) is None


@pytest.mark.parametrize("confirmed", [False, True])
def test_create_admin_refuses_an_address_that_has_an_account(
    users: UserRepository, collection: Users, confirmed: bool
) -> None:
    user = register(users)
    if confirmed:
        confirm(users, user)
    with nothing_changes(collection):
        assert not users.create_admin(ADA, "other", LATER)
