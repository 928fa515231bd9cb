"""What the steps tell is what they have stored, once, and nothing when they found nothing."""

from datetime import timedelta

import pytest

from app.users.council import Departure
from app.users.happenings import Deed, Happening
from app.users.repository import UserRepository
from app.users.user import EventKind, User
from tests.users.conftest import (
    ADA,
    BOB,
    HOME,
    MINUTE,
    NOW,
    SECOND,
    WEEK,
    Users,
    confirm,
    found,
    new_session,
    register,
    stored,
)

Told = list[Happening]


@pytest.fixture
def told() -> Told:
    """All that was told."""
    return []


@pytest.fixture
def users(collection: Users, told: Told) -> UserRepository:
    """The repository, with somebody who listens."""
    return UserRepository(collection, tell=told.append)


def _newest(told: Told) -> list[str]:
    kinds = [str(happening.kind) for happening in told]
    told.clear()
    return kinds


def test_the_activity_and_what_was_told_are_the_same(
    users: UserRepository, collection: Users, told: Told
) -> None:
    user = confirm(users, register(users), NOW + MINUTE)
    assert users.sign_in(user, new_session())
    assert users.ask_reset(user.email_key, NOW, HOME)
    user = found(users, user)
    assert users.reset_password(user, user.reset_version, "newer", NOW, HOME)
    user = found(users, user)
    assert users.ask_email_change(user, BOB, NOW, HOME)
    assert users.cancel_email_change(user, NOW, HOME)
    users.end_other_sessions(user, "none", NOW, HOME)
    users.export(user, NOW, HOME)
    events = stored(collection, user)["events"]
    assert len(events) == 9
    assert [(told.kind, told.by) for told in told] == [(e["kind"], e["by"]) for e in events]
    assert {happening.account for happening in told} == {user.id}


def test_registering_tells_whether_it_was_a_newer_claim(users: UserRepository, told: Told) -> None:
    user = register(users)
    assert register(users).id == user.id
    assert told == [
        Happening(EventKind.REGISTERED, user.id),
        Happening(EventKind.REGISTERED, user.id, again=True),
    ]


def test_confirming_tells_how_long_it_took(users: UserRepository, told: Told) -> None:
    confirm(users, register(users), NOW + 90 * SECOND)
    assert told[-1].took == timedelta(seconds=90)


def test_a_refused_sign_in_is_told_once_and_not_again_by_the_next_sign_in(
    users: UserRepository, told: Told, ada: User
) -> None:
    told.clear()
    users.refuse_sign_in(ada.id, NOW, HOME)
    assert users.sign_in(found(users, ada), new_session())
    assert _newest(told) == ["sign_in_refused", "signed_in"]


def test_an_address_that_nobody_has_is_told_without_an_account(
    users: UserRepository, told: Told, ada: User
) -> None:
    told.clear()
    users.refuse_sign_in(type(ada.id)(), NOW, HOME)
    assert [(happening.kind, happening.account) for happening in told] == [
        (EventKind.SIGN_IN_REFUSED, None)
    ]


def test_what_leaves_no_line_in_the_activity_is_told_too(users: UserRepository, told: Told) -> None:
    user = register(users)
    told.clear()
    assert users.resend(user, NOW + MINUTE, MINUTE)
    assert _newest(told) == [Deed.CONFIRMATION_RESENT]
    users.sign_out(user.id, user.sessions[0].id)
    assert _newest(told) == [Deed.SIGNED_OUT]
    assert users.disown(user.id, user.email_key, 2, NOW)
    assert _newest(told) == [Deed.DISOWNED]
    user = confirm(users, register(users))
    told.clear()
    assert users.owe_account_exists(ADA.key, NOW, WEEK)
    assert [(happening.kind, happening.account) for happening in told] == [
        (Deed.OWNER_TOLD, user.id)
    ]
    told.clear()
    assert users.create_admin(BOB, "hash", NOW)
    assert users.promote(ADA.key, NOW)
    assert users.delete(found(users, user), NOW, HOME) is Departure.DONE
    assert _newest(told) == [Deed.ADMIN_CREATED, EventKind.ADMIN_GRANTED, Deed.DELETED]


def test_a_step_that_found_nothing_tells_nothing(
    users: UserRepository, told: Told, ada: User
) -> None:
    told.clear()
    assert not users.confirm(ada, ada.token_version, NOW, HOME)
    assert not users.resend(ada, NOW + WEEK, MINUTE)
    assert not users.cancel_email_change(ada, NOW, HOME)
    assert not users.start_over(ada, ada.sessions[0].id, NOW)
    assert not users.ask_reset(BOB.key, NOW, HOME)
    assert not users.promote(BOB.key, NOW)
    users.sign_out(ada.id, "no such session")
    users.touch(ada.id, ada.sessions[0].id, NOW)
    assert told == []
