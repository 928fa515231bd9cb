"""Changing the password, on mongomock and on MongoDB."""

from dataclasses import replace

from app.users.client import Client
from app.users.documents import random_id
from app.users.letters import LetterKind
from app.users.repository import UserRepository
from app.users.user import ResetDone, User
from tests.users.conftest import (
    BOB,
    HOME,
    HOUR,
    NOW,
    PHONE,
    Users,
    ask_reset,
    found,
    last_event,
    letters,
    new_session,
    nothing_changes,
)

LATER, CAFE = NOW + HOUR, Client("192.0.2.9", "Safari")


def test_a_password_change_leaves_one_session_and_invalidates_links(
    users: UserRepository, collection: Users, ada: User
) -> None:
    users.sign_in(ada, new_session(device=PHONE))
    users.ask_email_change(ada, BOB, NOW, HOME)
    user = ask_reset(users, ada)
    session = replace(new_session(LATER), address=CAFE.address, browser=CAFE.browser)
    assert users.change_password(user, "newer", session, LATER)
    assert found(users, user) == replace(
        user,
        factor_reset_version=1,
        password_hash="newer",
        sessions=(session,),
        devices=(session.device,),
        reset_letter_id=None,
        pending_email=None,
    )
    (notice,) = letters(collection, user, LetterKind.PASSWORD_CHANGED)
    assert (notice["to"], notice["browser"]) == ("Ada@Example.com", "Safari")
    assert last_event(collection, user) == {
        "kind": "password_changed",
        "at": LATER,
        "by": "self",
        "address": "192.0.2.9",
        "browser": "Safari",
    }


def test_a_password_change_is_refused_after_the_password_changed_meanwhile(
    users: UserRepository, collection: Users, ada: User
) -> None:
    assert users.change_password(ada, "other", new_session(), NOW)
    with nothing_changes(collection):
        assert not users.change_password(ada, "newer", new_session(), LATER)
        removed = replace(found(users, ada), id=random_id())
        assert not users.change_password(removed, "newer", new_session(), LATER)


def test_a_finished_reset_is_remembered_until_the_password_or_address_changes(
    users: UserRepository, ada: User
) -> None:
    user = ask_reset(users, ada)
    assert users.reset_password(user, 1, "newer", LATER, CAFE, browser_key="phone")
    user = found(users, user)
    assert user.reset_done == ResetDone(1, "phone")
    assert users.change_password(user, "newest", new_session(LATER), LATER)
    assert found(users, user).reset_done is None
