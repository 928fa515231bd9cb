"""Administrators, the same on mongomock and on a real mongod."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.users.addresses import parse_address
from app.users.council import Departure
from app.users.happenings import Deed, Happening
from app.users.letters import LetterKind
from app.users.repository import UserRepository
from app.users.user import EventKind, Origin, User, random_id
from tests.users.conftest import (
    ADA,
    BOB,
    HOME,
    HOUR,
    NOW,
    PHONE,
    SECOND,
    WEEK,
    Users,
    confirm,
    found,
    last_event,
    letters,
    new_session,
    nothing_changes,
    register,
    sent,
    stored,
)

LATER = NOW + HOUR
BY, OFFICE = str(random_id()), Origin("192.0.2.50", "Edge")


def test_a_new_administrator_is_confirmed_and_signed_in_nowhere(users: UserRepository) -> None:
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


def test_a_new_administrator_can_sign_in_and_nobody_can_register_over_them(
    users: UserRepository, collection: Users
) -> None:
    users.create_admin(ADA, "hash", NOW)
    admin = users.find_by_email(ADA.key)
    assert admin is not None
    assert users.sign_in(admin, new_session())
    with nothing_changes(collection):
        assert users.register(ADA, "other", new_session(), HOME, WEEK) is None


@pytest.mark.parametrize("confirmed", [False, True])
def test_an_address_that_has_an_account_is_not_made_an_administrators(
    users: UserRepository, collection: Users, confirmed: bool
) -> None:
    user = register(users)
    if confirmed:
        confirm(users, user)
    with nothing_changes(collection):
        assert not users.create_admin(ADA, "other", LATER)


def test_a_promoted_account_keeps_everything_else(users: UserRepository) -> None:
    user = confirm(users, register(users))
    assert users.promote("ada@example.com", NOW)
    assert found(users, user) == replace(user, admin=True, admin_version=1)
    assert users.promote("ada@example.com", NOW), "it is one already: nothing to refuse"


@pytest.mark.parametrize("email_key", ["ada@example.com", "nobody@example.com"])
def test_only_a_confirmed_account_is_promoted(
    users: UserRepository, collection: Users, email_key: str
) -> None:
    register(users)
    with nothing_changes(collection):
        assert not users.promote(email_key, NOW)


# What they do to, or for, another account


@dataclass(frozen=True)
class Action:
    """One of the steps, with the account that it is for and what it leaves."""

    do: Callable[[UserRepository, User], bool | Departure]
    account: Callable[[UserRepository], User]
    letter: LetterKind | None
    event: EventKind
    changes: frozenset[str]
    """Which fields of the account it touches, besides `outbox` and `events`."""
    told: tuple[tuple[str, str], ...] = ()
    """Kinds with `by`, where it tells more than the event."""


def waiting(users: UserRepository) -> User:
    return register(users)


def confirmed(users: UserRepository) -> User:
    """Signed in on two browsers."""
    user = confirm(users, register(users))
    assert users.sign_in(user, new_session(device=PHONE))
    return found(users, user)


def an_administrator(users: UserRepository) -> User:
    user = confirmed(users)
    assert users.promote(user.email_key, NOW)
    return found(users, user)


def disabled(users: UserRepository) -> User:
    user = confirmed(users)
    assert users.disable(user, NOW, OFFICE, BY) is Departure.DONE
    return found(users, user)


def disabled_administrator(users: UserRepository) -> User:
    user = an_administrator(users)
    assert users.disable(user, NOW, OFFICE, BY) is Departure.DONE
    return found(users, user)


def granting(users: UserRepository, user: User) -> bool | Departure:
    return users.grant(user, LATER, OFFICE, BY)


def withdrawing(users: UserRepository, user: User) -> bool | Departure:
    return users.withdraw(user, LATER, OFFICE, BY)


def disabling(users: UserRepository, user: User) -> bool | Departure:
    return users.disable(user, LATER, OFFICE, BY)


def enabling(users: UserRepository, user: User) -> bool | Departure:
    return users.enable(user, LATER, OFFICE, BY)


def ending_sessions(users: UserRepository, user: User) -> bool | Departure:
    return users.end_all_sessions(user, LATER, OFFICE, BY)


def resending(users: UserRepository, user: User) -> bool | Departure:
    return users.resend_for(user, LATER, OFFICE, BY)


def sending_reset(users: UserRepository, user: User) -> bool | Departure:
    return users.send_reset(user, LATER, OFFICE, BY)


def removing(users: UserRepository, user: User) -> bool | Departure:
    return users.remove(user, LATER, BY)


POWER, DISABLED = frozenset({"admin", "admin_version"}), {"disabled_on", "admin_version"}
SHUT = frozenset({*DISABLED, "sessions"})
RESET = frozenset({"reset_version", "reset_letter_id", "reset_asks"})
# The cooldown has no say: somebody has asked for help.
RESENT = frozenset({"token_version", "confirm_mail", "resends"})
ACTIONS = {
    "grant": Action(granting, confirmed, LetterKind.ADMIN_GRANTED, EventKind.ADMIN_GRANTED, POWER),
    "withdraw": Action(
        withdrawing,
        an_administrator,
        LetterKind.ADMIN_WITHDRAWN,
        EventKind.ADMIN_WITHDRAWN,
        POWER,
    ),
    "withdraw from a disabled one": Action(
        withdrawing,
        disabled_administrator,
        LetterKind.ADMIN_WITHDRAWN,
        EventKind.ADMIN_WITHDRAWN,
        POWER,
    ),
    "disable": Action(disabling, confirmed, LetterKind.ACCOUNT_DISABLED, EventKind.DISABLED, SHUT),
    "disable an unconfirmed one": Action(
        disabling, waiting, LetterKind.ACCOUNT_DISABLED, EventKind.DISABLED, SHUT
    ),
    "disable an administrator": Action(
        disabling, an_administrator, LetterKind.ACCOUNT_DISABLED, EventKind.DISABLED, SHUT
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
        ((Deed.CONFIRMATION_RESENT, "self"), (EventKind.CONFIRMATION_SENT, BY)),
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
def told() -> list[Happening]:
    """All that was told."""
    return []


@pytest.fixture
def users(collection: Users, told: list[Happening]) -> UserRepository:
    """The repository with somebody who listens, and an administrator who acts and stays."""
    collection.database["administration"].delete_many({})
    users = UserRepository(collection, tell=told.append)
    assert users.create_admin(parse_address("root@example.com"), "hash", NOW)
    return users


def owned(collection: Users, user: User) -> dict[str, Any]:
    """The account's document without letters and activity."""
    document = stored(collection, user)
    return {name: document[name] for name in document if name not in {"outbox", "events"}}


def difference(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The names of what is no longer as it was."""
    return {name for name in before | after if before.get(name) != after.get(name)}


@actions
def test_an_action_changes_what_it_says_and_nothing_else(
    users: UserRepository, collection: Users, action: Action
) -> None:
    user, bystander = action.account(users), register(users, BOB)
    before, beside = owned(collection, user), stored(collection, bystander)
    assert action.do(users, user) in (True, Departure.DONE)
    changed = difference(before, owned(collection, user))
    assert changed <= action.changes
    assert action.changes - changed <= {"resends"}
    assert found(users, user).password_hash == user.password_hash
    assert stored(collection, bystander) == beside


@actions
def test_an_action_is_in_the_activity_with_who_did_it(
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
def test_an_action_owes_its_letter_due_at_once(
    users: UserRepository, collection: Users, action: Action
) -> None:
    user = action.account(users)
    sent(collection, user)
    action.do(users, user)
    owed = letters(collection, user)
    assert [letter["kind"] for letter in owed] == ([action.letter] if action.letter else [])
    assert all(letter["due_on"] == letter["owed_on"] == LATER for letter in owed)
    # Not to whatever address the account has by then, unless it is about that address.
    about_the_address = action.letter in {LetterKind.CONFIRM, LetterKind.RESET}
    assert all(letter["to"] == ("" if about_the_address else user.email) for letter in owed)


@actions
def test_an_action_is_told_once(
    users: UserRepository, told: list[Happening], action: Action
) -> None:
    user = action.account(users)
    told.clear()
    action.do(users, user)
    expected = action.told or ((action.event, BY),)
    assert [(happening.kind, happening.by) for happening in told] == list(expected)
    assert {happening.account for happening in told} == {user.id}


@actions
def test_an_action_on_an_account_that_is_gone_does_and_tells_nothing(
    users: UserRepository, collection: Users, told: list[Happening], action: Action
) -> None:
    user = action.account(users)
    assert users.remove(user, NOW, BY) is Departure.DONE
    told.clear()
    with nothing_changes(collection):
        assert action.do(users, user) in (False, Departure.CHANGED)
    assert told == []


@pytest.mark.parametrize(
    "name",
    ["grant", "withdraw", "disable", "disable an administrator", "enable", "resend", "send reset"],
)
def test_of_two_who_do_the_same_the_second_finds_it_done(
    users: UserRepository, collection: Users, told: list[Happening], name: str
) -> None:
    action = ACTIONS[name]
    user = action.account(users)
    assert action.do(users, user) in (True, Departure.DONE)
    told.clear()
    with nothing_changes(collection):
        assert action.do(users, user) in (False, Departure.CHANGED)
    assert told == []


@pytest.mark.parametrize("first", [granting, disabling], ids=["granted", "disabled"])
@pytest.mark.parametrize("second", [granting, disabling, removing])
def test_what_depends_on_power_is_not_done_to_an_account_whose_power_was_changed_meanwhile(
    users: UserRepository,
    collection: Users,
    first: Callable[[UserRepository, User], bool | Departure],
    second: Callable[[UserRepository, User], bool | Departure],
) -> None:
    user = confirmed(users)
    assert first(users, user) in (True, Departure.DONE)
    with nothing_changes(collection):
        assert second(users, user) in (False, Departure.CHANGED)


@pytest.mark.parametrize("account", [waiting, disabled, disabled_administrator])
def test_only_who_is_confirmed_and_not_disabled_is_made_one(
    users: UserRepository, collection: Users, account: Callable[[UserRepository], User]
) -> None:
    user = account(users)
    with nothing_changes(collection):
        assert not users.grant(user, LATER, OFFICE, BY)


@pytest.mark.parametrize("account", [waiting, confirmed, disabled])
def test_nothing_is_withdrawn_from_who_is_none(
    users: UserRepository, collection: Users, account: Callable[[UserRepository], User]
) -> None:
    user = account(users)
    with nothing_changes(collection):
        assert users.withdraw(user, LATER, OFFICE, BY) is Departure.CHANGED


@pytest.mark.parametrize("account", [confirmed, an_administrator])
def test_a_confirmed_address_is_sent_no_confirmation(
    users: UserRepository, collection: Users, account: Callable[[UserRepository], User]
) -> None:
    user = account(users)
    with nothing_changes(collection):
        assert not users.resend_for(user, LATER, OFFICE, BY)


def test_a_resend_makes_earlier_links_worthless(users: UserRepository) -> None:
    user = register(users)
    assert users.resend_for(user, NOW + SECOND, OFFICE, BY), "whatever the cooldown"
    assert not users.confirm(user, user.token_version, LATER, HOME)
    assert users.confirm(user, user.token_version + 1, LATER, HOME)


def test_every_browser_is_signed_out(users: UserRepository) -> None:
    user = confirmed(users)
    assert len(user.sessions) == 2
    assert users.end_all_sessions(user, LATER, OFFICE, BY)
    for session in user.sessions:
        assert users.find_by_session(user.id, session.id) is None
    assert users.sign_in(user, new_session()), "and may sign in again"


def test_a_removed_account_leaves_the_mail_that_says_so(
    users: UserRepository, collection: Users, told: list[Happening]
) -> None:
    user = confirmed(users)
    told.clear()
    assert users.remove(user, LATER, BY) is Departure.DONE
    (goodbye,) = letters(collection, user)
    assert (goodbye["kind"], goodbye["to"]) == (LetterKind.ACCOUNT_REMOVED, ADA.typed)
    assert told == [Happening(Deed.DELETED, user.id, by=BY)]
    assert ADA.key not in str({**stored(collection, user), "outbox": ()})


def test_an_account_whose_password_was_changed_meanwhile_is_not_removed(
    users: UserRepository, collection: Users
) -> None:
    """Its owner is about: somebody should look again."""
    user = confirmed(users)
    assert users.change_password(user, "newer", new_session(), NOW, HOME)
    with nothing_changes(collection):
        assert users.remove(user, LATER, BY) is Departure.CHANGED


# A disabled account


def test_nobody_is_or_gets_signed_in_to_a_disabled_account(
    users: UserRepository, collection: Users
) -> None:
    user = confirmed(users)
    assert users.disable(user, NOW, OFFICE, BY) is Departure.DONE
    for session in user.sessions:
        assert users.find_by_session(user.id, session.id) is None
    with nothing_changes(collection):
        assert not users.sign_in(user, new_session()), "one who had the password checked before"
        assert not users.sign_in(found(users, user), new_session(), "stronger")


def test_a_session_that_is_left_on_a_disabled_account_opens_nothing(
    users: UserRepository, collection: Users
) -> None:
    """Whatever wrote it there: a step on its way when the account was disabled."""
    user = confirmed(users)
    collection.update_one({"_id": user.id}, {"$set": {"disabled_on": NOW}})
    assert users.find_by_session(user.id, user.sessions[0].id) is None


def test_a_disabled_account_is_not_confirmed_by_its_link(
    users: UserRepository, collection: Users
) -> None:
    user = waiting(users)
    assert users.disable(user, NOW, OFFICE, BY) is Departure.DONE
    with nothing_changes(collection):
        assert not users.confirm(user, user.token_version, LATER, HOME)
        session = new_session()
        assert not users.confirm(found(users, user), user.token_version, LATER, HOME, session)


@pytest.mark.parametrize("account", [waiting, confirmed, an_administrator])
def test_a_reset_does_not_enable(
    users: UserRepository, account: Callable[[UserRepository], User]
) -> None:
    user = account(users)
    assert users.disable(user, NOW, OFFICE, BY) is Departure.DONE
    assert users.ask_reset(user.email_key, NOW, HOME)
    user = found(users, user)
    users.reset_password(user, user.reset_version, "newer", LATER, HOME)
    user = found(users, user)
    assert user.disabled_on == NOW
    assert not users.sign_in(user, new_session())


def test_registering_again_does_not_enable(users: UserRepository) -> None:
    user = waiting(users)
    assert users.disable(user, NOW, OFFICE, BY) is Departure.DONE
    claim = register(users, now=LATER)
    assert (claim.id, claim.disabled_on) == (user.id, NOW)
    assert users.find_by_session(claim.id, claim.sessions[0].id) is None
    assert not users.confirm(claim, claim.token_version, LATER, HOME)


def test_an_enabled_account_is_as_before_and_signed_in_nowhere(users: UserRepository) -> None:
    user = an_administrator(users)
    assert users.disable(user, NOW, OFFICE, BY) is Departure.DONE
    assert users.enable(found(users, user), LATER, OFFICE, BY)
    assert found(users, user) == replace(user, sessions=(), admin_version=user.admin_version + 2)
    assert users.sign_in(user, new_session())
