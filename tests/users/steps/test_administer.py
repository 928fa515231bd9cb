"""Actions of administrators, on mongomock and on a real mongod."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.users.addresses import parse_address
from app.users.client import Client
from app.users.documents import random_id
from app.users.events import Event, EventKind
from app.users.last_admin_guard import GuardResult
from app.users.letters import LetterKind
from app.users.repository import UserRepository
from app.users.steps.updates import event
from app.users.user import User
from tests.users.conftest import (
    ADA,
    BOB,
    HOME,
    HOUR,
    NOW,
    PHONE,
    SECOND,
    Users,
    confirm,
    found,
    last_event,
    letters,
    new_session,
    nothing_changes,
    promote,
    register,
    remove,
    sent,
    stored,
)

LATER = NOW + HOUR
BY, OFFICE = str(random_id()), Client("192.0.2.50", "Edge")


def test_granting_administration_changes_nothing_else(
    users: UserRepository,
) -> None:
    user = confirm(users, register(users))
    assert promote(users, user) == replace(user, admin=True, admin_version=1)


# The actions on another account


@dataclass(frozen=True)
class Action:
    """A step, its account, and the fields, events and letters that it changes."""

    do: Callable[[UserRepository, User], bool | GuardResult]
    account: Callable[[UserRepository], User]
    letter: LetterKind | None
    event: EventKind
    changes: frozenset[str]
    """Which fields of the account it touches, besides `outbox` and `events`."""
    published: tuple[tuple[str, str], ...] = ()
    """Kinds with `by`, where it publishes more than the event."""


def resend_for(users: UserRepository, user: User, now: datetime) -> bool:
    """An administrator sends the confirmation mail, without the cooldown."""
    asked = event(EventKind.CONFIRMATION_SENT, now, OFFICE, BY)
    return users.resend(user, now, timedelta(0), asked)


def waiting(users: UserRepository) -> User:
    return register(users)


def confirmed(users: UserRepository) -> User:
    """A confirmed account with two sessions."""
    user = confirm(users, register(users))
    assert users.sign_in(user, new_session(device=PHONE))
    return found(users, user)


def an_administrator(users: UserRepository) -> User:
    return promote(users, confirmed(users))


def disabled(users: UserRepository) -> User:
    user = confirmed(users)
    assert users.disable(user, NOW, OFFICE, BY) is GuardResult.DONE
    return found(users, user)


def disabled_administrator(users: UserRepository) -> User:
    user = an_administrator(users)
    assert users.disable(user, NOW, OFFICE, BY) is GuardResult.DONE
    return found(users, user)


def granting(users: UserRepository, user: User) -> bool | GuardResult:
    return users.grant(user, LATER, OFFICE, BY)


def withdrawing(users: UserRepository, user: User) -> bool | GuardResult:
    return users.withdraw(user, LATER, OFFICE, BY)


def disabling(users: UserRepository, user: User) -> bool | GuardResult:
    return users.disable(user, LATER, OFFICE, BY)


def enabling(users: UserRepository, user: User) -> bool | GuardResult:
    return users.enable(user, LATER, OFFICE, BY)


def ending_sessions(users: UserRepository, user: User) -> bool | GuardResult:
    return users.end_all_sessions(user, LATER, OFFICE, BY)


def resending(users: UserRepository, user: User) -> bool | GuardResult:
    return resend_for(users, user, LATER)


def sending_reset(users: UserRepository, user: User) -> bool | GuardResult:
    asked = event(EventKind.RESET_SENT, LATER, OFFICE, BY)
    return users.ask_reset(user.email_key, LATER, OFFICE, asked)


def removing(users: UserRepository, user: User) -> bool | GuardResult:
    return remove(users, user, LATER, BY)


ADMIN, DISABLED = frozenset({"admin", "admin_version"}), {"disabled_on", "admin_version"}
DISABLED_NOW = frozenset({*DISABLED, "sessions"})
RESET = frozenset({"reset_version", "reset_letter_id", "reset_asks"})
# Without the cooldown, because the person has asked for help.
RESENT = frozenset({"token_version", "confirm_mail", "resends"})
ACTIONS = {
    "grant": Action(granting, confirmed, LetterKind.ADMIN_GRANTED, EventKind.ADMIN_GRANTED, ADMIN),
    "withdraw": Action(
        withdrawing,
        an_administrator,
        LetterKind.ADMIN_WITHDRAWN,
        EventKind.ADMIN_WITHDRAWN,
        ADMIN,
    ),
    "withdraw from a disabled one": Action(
        withdrawing,
        disabled_administrator,
        LetterKind.ADMIN_WITHDRAWN,
        EventKind.ADMIN_WITHDRAWN,
        ADMIN,
    ),
    "disable": Action(
        disabling, confirmed, LetterKind.ACCOUNT_DISABLED, EventKind.DISABLED, DISABLED_NOW
    ),
    "disable an unconfirmed one": Action(
        disabling, waiting, LetterKind.ACCOUNT_DISABLED, EventKind.DISABLED, DISABLED_NOW
    ),
    "disable an administrator": Action(
        disabling, an_administrator, LetterKind.ACCOUNT_DISABLED, EventKind.DISABLED, DISABLED_NOW
    ),
    "enable": Action(
        enabling, disabled, LetterKind.ACCOUNT_ENABLED, EventKind.ENABLED, frozenset(DISABLED)
    ),
    "end sessions": Action(
        ending_sessions, confirmed, None, EventKind.SESSIONS_ENDED, frozenset({"sessions"})
    ),
    "resend": Action(
        resending,
        waiting,
        LetterKind.CONFIRM,
        EventKind.CONFIRMATION_SENT,
        RESENT,
        ((EventKind.CONFIRMATION_RESENT, "self"), (EventKind.CONFIRMATION_SENT, BY)),
    ),
    "send reset": Action(
        sending_reset,
        confirmed,
        LetterKind.RESET,
        EventKind.RESET_SENT,
        RESET,
        ((EventKind.RESET_ASKED, ""), (EventKind.RESET_SENT, BY)),
    ),
}
actions = pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)


@pytest.fixture
def events() -> list[Event]:
    """Every event that was published."""
    return []


@pytest.fixture
def users(collection: Users, events: list[Event]) -> UserRepository:
    """The repository with a listener, and a second administrator who stays."""
    collection.database["administration"].delete_many({})
    users = UserRepository(collection, listener=events.append)
    assert users.create_admin(parse_address("root@example.com"), "hash", NOW)
    return users


def owned(collection: Users, user: User) -> dict[str, Any]:
    """The document of the account without letters and activity."""
    document = stored(collection, user)
    return {name: document[name] for name in document if name not in {"outbox", "events"}}


def difference(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The names of the changed fields."""
    return {name for name in before | after if before.get(name) != after.get(name)}


@actions
def test_an_action_changes_only_the_declared_fields(
    users: UserRepository, collection: Users, action: Action
) -> None:
    user, bystander = action.account(users), register(users, BOB)
    before, beside = owned(collection, user), stored(collection, bystander)
    assert action.do(users, user) in (True, GuardResult.DONE)
    changed = difference(before, owned(collection, user))
    assert changed <= action.changes
    assert action.changes - changed <= {"resends"}
    assert found(users, user).password_hash == user.password_hash
    assert stored(collection, bystander) == beside


@actions
def test_the_activity_names_who_did_an_action(
    users: UserRepository, collection: Users, action: Action
) -> None:
    user = action.account(users)
    count = len(stored(collection, user)["events"])
    action.do(users, user)
    assert last_event(collection, user) == {
        "kind": action.event,
        "at": LATER,
        "by": BY,
        "address": OFFICE.address,
        "browser": OFFICE.browser,
    }
    assert len(stored(collection, user)["events"]) == count + 1


@actions
def test_an_action_owes_its_letter_at_once(
    users: UserRepository, collection: Users, action: Action
) -> None:
    user = action.account(users)
    sent(collection, user)
    action.do(users, user)
    owed = letters(collection, user)
    assert [letter["kind"] for letter in owed] == ([action.letter] if action.letter else [])
    assert all(letter["due_on"] == letter["owed_on"] == LATER for letter in owed)
    # A letter goes to the address of its time, unless it is about the current address.
    about_the_address = action.letter in {LetterKind.CONFIRM, LetterKind.RESET}
    assert all(letter["to"] == ("" if about_the_address else user.email) for letter in owed)


@actions
def test_an_action_publishes_its_event_once(
    users: UserRepository, events: list[Event], action: Action
) -> None:
    user = action.account(users)
    events.clear()
    action.do(users, user)
    expected = action.published or ((action.event, BY),)
    assert [(published.kind, published.by) for published in events] == list(expected)
    assert {published.account for published in events} == {user.id}


@actions
def test_an_action_on_a_removed_account_does_nothing(
    users: UserRepository, collection: Users, events: list[Event], action: Action
) -> None:
    user = action.account(users)
    assert remove(users, user, NOW, BY) is GuardResult.DONE
    events.clear()
    with nothing_changes(collection):
        assert action.do(users, user) in (False, GuardResult.CHANGED)
    assert events == []


@pytest.mark.parametrize(
    "name",
    ["grant", "withdraw", "disable", "disable an administrator", "enable", "resend", "send reset"],
)
def test_the_second_of_two_equal_actions_changes_nothing(
    users: UserRepository, collection: Users, events: list[Event], name: str
) -> None:
    action = ACTIONS[name]
    user = action.account(users)
    assert action.do(users, user) in (True, GuardResult.DONE)
    events.clear()
    with nothing_changes(collection):
        assert action.do(users, user) in (False, GuardResult.CHANGED)
    assert events == []


@pytest.mark.parametrize("first", [granting, disabling], ids=["granted", "disabled"])
@pytest.mark.parametrize("second", [granting, disabling, removing])
def test_an_action_is_refused_after_the_admin_state_changed(
    users: UserRepository,
    collection: Users,
    first: Callable[[UserRepository, User], bool | GuardResult],
    second: Callable[[UserRepository, User], bool | GuardResult],
) -> None:
    user = confirmed(users)
    assert first(users, user) in (True, GuardResult.DONE)
    with nothing_changes(collection):
        assert second(users, user) in (False, GuardResult.CHANGED)


@pytest.mark.parametrize("account", [waiting, disabled, disabled_administrator])
def test_only_a_confirmed_and_enabled_account_can_become_an_administrator(
    users: UserRepository, collection: Users, account: Callable[[UserRepository], User]
) -> None:
    user = account(users)
    with nothing_changes(collection):
        assert not users.grant(user, LATER, OFFICE, BY)


@pytest.mark.parametrize("account", [waiting, confirmed, disabled])
def test_withdrawing_from_an_ordinary_account_does_nothing(
    users: UserRepository, collection: Users, account: Callable[[UserRepository], User]
) -> None:
    user = account(users)
    with nothing_changes(collection):
        assert users.withdraw(user, LATER, OFFICE, BY) is GuardResult.CHANGED


@pytest.mark.parametrize("account", [confirmed, an_administrator])
def test_a_confirmed_account_gets_no_confirmation_mail(
    users: UserRepository, collection: Users, account: Callable[[UserRepository], User]
) -> None:
    user = account(users)
    with nothing_changes(collection):
        assert not resend_for(users, user, LATER)


def test_a_resend_invalidates_earlier_links(users: UserRepository) -> None:
    user = register(users)
    assert resend_for(users, user, NOW + SECOND), "whatever the cooldown"
    assert not users.confirm(user, user.token_version, LATER, HOME)
    assert users.confirm(user, user.token_version + 1, LATER, HOME)


def test_ending_sessions_signs_out_every_browser(users: UserRepository) -> None:
    user = confirmed(users)
    assert len(user.sessions) == 2
    assert users.end_all_sessions(user, LATER, OFFICE, BY)
    for session in user.sessions:
        assert users.find_by_session(user.id, session.id) is None
    assert users.sign_in(user, new_session()), "and may sign in again"


def test_removing_an_account_owes_the_mail_about_it(
    users: UserRepository, collection: Users, events: list[Event]
) -> None:
    user = confirmed(users)
    events.clear()
    assert remove(users, user, LATER, BY) is GuardResult.DONE
    (letter,) = letters(collection, user)
    assert (letter["kind"], letter["to"]) == (LetterKind.ACCOUNT_REMOVED, ADA.typed)
    assert events == [Event(EventKind.DELETED, user.id, by=BY)]
    assert ADA.key not in str({**stored(collection, user), "outbox": ()})


def test_an_account_whose_password_changed_meanwhile_is_not_removed(
    users: UserRepository, collection: Users
) -> None:
    """The owner uses the account, so the administrator should look again."""
    user = confirmed(users)
    assert users.change_password(user, "newer", new_session(), NOW)
    with nothing_changes(collection):
        assert remove(users, user, LATER, BY) is GuardResult.CHANGED


# A disabled account


def test_a_disabled_account_has_no_sessions_and_gets_no_new_ones(
    users: UserRepository, collection: Users
) -> None:
    user = confirmed(users)
    assert users.disable(user, NOW, OFFICE, BY) is GuardResult.DONE
    for session in user.sessions:
        assert users.find_by_session(user.id, session.id) is None
    with nothing_changes(collection):
        assert not users.sign_in(user, new_session()), "one who had the password checked before"
        assert not users.sign_in(found(users, user), new_session(), "stronger")


def test_a_session_left_on_a_disabled_account_does_not_work(
    users: UserRepository, collection: Users
) -> None:
    """A step that ran while the account was disabled may have left it."""
    user = confirmed(users)
    collection.update_one({"_id": user.id}, {"$set": {"disabled_on": NOW}})
    assert users.find_by_session(user.id, user.sessions[0].id) is None


def test_a_disabled_account_is_not_confirmed_by_its_link(
    users: UserRepository, collection: Users
) -> None:
    user = waiting(users)
    assert users.disable(user, NOW, OFFICE, BY) is GuardResult.DONE
    with nothing_changes(collection):
        assert not users.confirm(user, user.token_version, LATER, HOME)
        session = new_session()
        assert not users.confirm(found(users, user), user.token_version, LATER, HOME, session)


@pytest.mark.parametrize("account", [waiting, confirmed, an_administrator])
def test_a_reset_does_not_enable(
    users: UserRepository, account: Callable[[UserRepository], User]
) -> None:
    user = account(users)
    assert users.disable(user, NOW, OFFICE, BY) is GuardResult.DONE
    assert users.ask_reset(user.email_key, NOW, HOME)
    user = found(users, user)
    users.reset_password(user, user.reset_version, "newer", LATER, HOME)
    user = found(users, user)
    assert user.disabled_on == NOW
    assert not users.sign_in(user, new_session())


def test_registering_again_does_not_enable(users: UserRepository) -> None:
    user = waiting(users)
    assert users.disable(user, NOW, OFFICE, BY) is GuardResult.DONE
    claim = register(users, now=LATER)
    assert (claim.id, claim.disabled_on) == (user.id, NOW)
    assert users.find_by_session(claim.id, claim.sessions[0].id) is None
    assert not users.confirm(claim, claim.token_version, LATER, HOME)


def test_an_enabled_account_is_as_before_without_sessions(users: UserRepository) -> None:
    user = an_administrator(users)
    assert users.disable(user, NOW, OFFICE, BY) is GuardResult.DONE
    assert users.enable(found(users, user), LATER, OFFICE, BY)
    assert found(users, user) == replace(user, sessions=(), admin_version=user.admin_version + 2)
    assert users.sign_in(user, new_session())
