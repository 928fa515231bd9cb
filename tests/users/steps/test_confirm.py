"""Confirming an address, on mongomock and on MongoDB."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.users.client import Client
from app.users.documents import random_id
from app.users.repository import UserRepository
from app.users.user import MAX_CODE_TRIES, MAX_CODE_TRIES_TOTAL, User
from tests.users.conftest import (
    HOME,
    HOUR,
    LAPTOP,
    NOW,
    PHONE,
    Users,
    confirm,
    found,
    new_session,
    nothing_changes,
    register,
    stored,
)

LATER = NOW + HOUR
NONE_AT_ALL = timedelta(0)


def test_confirming_sets_the_account_confirmed_and_removes_its_expiry(
    users: UserRepository, collection: Users
) -> None:
    user = register(users)
    assert users.confirm(user, 1, LATER, Client("192.0.2.9", "Safari"))
    expected = replace(user, confirmed=True, confirmed_on=LATER, expires_on=None)
    assert found(users, user) == expected, "and its session lives on"
    document = stored(collection, user)
    assert "expires_on" not in document, "or the TTL index would delete a confirmed account"
    assert document["events"][1:] == [
        {
            "kind": "confirmed",
            "at": LATER,
            "by": "self",
            "address": "192.0.2.9",
            "browser": "Safari",
        }
    ]


def test_confirming_with_the_password_adds_a_session(users: UserRepository) -> None:
    user, session = register(users), new_session(LATER, PHONE)
    assert users.confirm(user, 1, LATER, HOME, session)
    assert found(users, user).sessions == (*user.sessions, session)
    assert found(users, user).devices == (LAPTOP, PHONE)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_only_the_link_of_the_newest_mail_confirms(
    users: UserRepository, collection: Users, version: int
) -> None:
    user = register(users)
    users.resend(user, LATER, NONE_AT_ALL)
    with nothing_changes(collection):
        assert not users.confirm(user, version, LATER, HOME)
    assert users.confirm(user, 2, LATER, HOME)


def test_the_link_of_an_earlier_registration_confirms_nothing(
    users: UserRepository, collection: Users
) -> None:
    earlier = register(users)
    register(users, now=LATER)
    with nothing_changes(collection):
        assert not users.confirm(earlier, 1, LATER, HOME, new_session(LATER))


@pytest.mark.parametrize("other", [{"email_key": "bob@example.com"}, {"id": random_id()}])
def test_a_link_confirms_only_the_account_and_address_that_it_names(
    users: UserRepository, collection: Users, other: dict[str, str]
) -> None:
    user = register(users)
    with nothing_changes(collection):
        assert not users.confirm(replace(user, **other), 1, LATER, HOME)  # type: ignore[arg-type]


def test_a_link_works_once(users: UserRepository, collection: Users) -> None:
    user = confirm(users, register(users))
    with nothing_changes(collection):
        assert not users.confirm(user, 1, LATER, HOME, new_session(LATER))


# Codes


def _resend(users: UserRepository, user: User) -> User:
    assert users.resend(found(users, user), NOW, NONE_AT_ALL)
    return found(users, user)


def test_after_five_codes_a_new_mail_is_needed(users: UserRepository) -> None:
    user = register(users)
    taken = [users.take_code_try(user) for _try in range(MAX_CODE_TRIES + 2)]
    assert taken == [True] * MAX_CODE_TRIES + [False] * 2
    assert found(users, user).codes_left == 0
    assert _resend(users, user).codes_left == MAX_CODE_TRIES


def test_at_most_ten_codes_can_be_tried_on_an_account(users: UserRepository) -> None:
    """A new registration gives no more, or a stranger could confirm the address by guessing."""
    user = register(users)
    for _mail in range(2):
        for _try in range(MAX_CODE_TRIES):
            assert users.take_code_try(user)
        user = _resend(users, user)
    assert user.code_tries_total == MAX_CODE_TRIES_TOTAL
    assert not users.take_code_try(user)
    assert not users.take_code_try(register(users))


def test_a_code_of_an_older_mail_is_refused(users: UserRepository) -> None:
    older = register(users)
    _resend(users, older)
    assert not users.take_code_try(older)


def test_a_confirmed_account_takes_no_codes(users: UserRepository) -> None:
    user = register(users)
    confirm(users, user)
    assert not users.take_code_try(user)
