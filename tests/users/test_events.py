"""A step publishes the event that it has stored, once; a step without effect publishes none."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.users.events import ActivityEntry, Event, EventKind
from app.users.last_admin_guard import GuardResult
from app.users.repository import UserRepository
from app.users.steps.updates import event
from app.users.user import User
from tests.users.conftest import (
    ADA,
    BOB,
    HOME,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    WEEK,
    Users,
    confirm,
    found,
    new_session,
    promote,
    register,
    stored,
)

LATER = NOW + HOUR
Events = list[Event]


@pytest.fixture
def published() -> Events:
    """Every event that was published."""
    return []


@pytest.fixture
def users(collection: Users, published: Events) -> UserRepository:
    """The repository with a listener."""
    return UserRepository(collection, listener=published.append)


def _newest(published: Events) -> list[str]:
    kinds = [str(event.kind) for event in published]
    published.clear()
    return kinds


def test_the_activity_and_the_published_events_are_the_same(
    users: UserRepository, collection: Users, published: Events
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
    stored_events = stored(collection, user)["events"]
    assert len(stored_events) == 9
    assert [(event.kind, event.by) for event in published] == [
        (e["kind"], e["by"]) for e in stored_events
    ]
    assert {event.account for event in published} == {user.id}


def test_the_event_of_a_registration_says_whether_it_is_a_newer_one(
    users: UserRepository, published: Events
) -> None:
    user = register(users)
    assert register(users).id == user.id
    assert published == [
        Event(EventKind.REGISTERED, user.id),
        Event(EventKind.REGISTERED, user.id, again=True),
    ]


def test_the_event_of_a_confirmation_says_how_long_it_took(
    users: UserRepository, published: Events
) -> None:
    confirm(users, register(users), NOW + 90 * SECOND)
    assert published[-1].took == timedelta(seconds=90)


def test_a_refused_sign_in_is_published_once(
    users: UserRepository, published: Events, ada: User
) -> None:
    published.clear()
    users.refuse_sign_in(ada.id, NOW, HOME)
    assert users.sign_in(found(users, ada), new_session())
    assert _newest(published) == ["sign_in_refused", "signed_in"]


def test_a_refused_sign_in_to_an_unknown_address_names_no_account(
    users: UserRepository, published: Events, ada: User
) -> None:
    published.clear()
    users.refuse_sign_in(type(ada.id)(), NOW, HOME)
    assert [(event.kind, event.account) for event in published] == [
        (EventKind.SIGN_IN_REFUSED, None)
    ]


def test_steps_without_an_entry_in_the_activity_are_published_too(
    users: UserRepository, published: Events
) -> None:
    user = register(users)
    published.clear()
    assert users.resend(user, NOW + MINUTE, MINUTE)
    assert _newest(published) == [EventKind.CONFIRMATION_RESENT]
    users.sign_out(user.id, user.sessions[0].id)
    assert _newest(published) == [EventKind.SIGNED_OUT]
    assert users.disown(user.id, user.email_key, 2, NOW)
    assert _newest(published) == [EventKind.DISOWNED]
    user = confirm(users, register(users))
    published.clear()
    assert users.owe_account_exists(ADA.key, NOW, WEEK)
    assert [(event.kind, event.account) for event in published] == [(EventKind.OWNER_TOLD, user.id)]
    published.clear()
    assert users.create_admin(BOB, "hash", NOW)
    promote(users, user)
    assert users.delete(found(users, user), NOW, HOME) is GuardResult.DONE
    assert _newest(published) == [
        EventKind.ADMIN_CREATED,
        EventKind.ADMIN_GRANTED,
        EventKind.DELETED,
    ]


def test_a_step_that_found_nothing_publishes_nothing(
    users: UserRepository, published: Events, ada: User
) -> None:
    published.clear()
    assert not users.confirm(ada, ada.token_version, NOW, HOME)
    assert not users.resend(ada, NOW + WEEK, MINUTE)
    assert not users.cancel_email_change(ada, NOW, HOME)
    assert not users.start_over(ada, ada.sessions[0].id, NOW)
    assert not users.ask_reset(BOB.key, NOW, HOME)
    assert not users.grant(replace(ada, admin_version=7), NOW, HOME, "by")
    assert not users.enable(ada, NOW, HOME, "by")
    users.sign_out(ada.id, "no such session")
    users.touch(ada.id, ada.sessions[0].id, NOW)
    assert published == []


# Kinds that only a newer version knows


def test_an_event_of_an_unknown_kind_is_in_the_activity_and_in_the_export(
    users: UserRepository, collection: Users, ada: User
) -> None:
    newer = event(EventKind.SIGNED_IN, LATER, HOME) | {"kind": "sms_sent", "passkey": "x"}
    collection.update_one({"_id": ada.id}, {"$push": {"events": newer}})
    (newest, *_older) = users.activity(ada)
    assert newest == ActivityEntry("sms_sent", LATER, "self", HOME.address, HOME.browser)
    exported = users.export(ada, LATER + HOUR, HOME)["activity"]
    assert [entry["kind"] for entry in exported[:2]] == [EventKind.EXPORTED, "sms_sent"]
    assert newer in stored(collection, ada)["events"], "with the unknown fields"
