"""Changing the address and undoing it, on mongomock and on a real mongod."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.users.addresses import Address, parse_address
from app.users.client import Client
from app.users.documents import random_id
from app.users.letters import LetterKind
from app.users.passwords import NO_PASSWORD
from app.users.repository import UserRepository
from app.users.second_factors import Totp
from app.users.steps.change_email import EmailChange
from app.users.user import FormerEmail, PendingEmail, User
from tests.users.conftest import (
    ADA,
    BOB,
    HOME,
    HOUR,
    NOW,
    PHONE,
    WEEK,
    Users,
    confirm,
    found,
    last_event,
    letters,
    new_session,
    nothing_changes,
    register,
)

LATER, CAFE = NOW + HOUR, Client("192.0.2.9", "Safari")
NEW, NEWER = parse_address("Ada@new.example"), parse_address("Ada@newer.example")


def ask(users: UserRepository, user: User, address: Address = NEW) -> tuple[User, PendingEmail]:
    """Requests a change of address and returns the account."""
    assert users.ask_email_change(user, address, NOW, HOME)
    fresh = found(users, user)
    assert fresh.pending_email
    return fresh, fresh.pending_email


def change(users: UserRepository, user: User, pending: PendingEmail) -> EmailChange:
    return users.change_email(user, pending, LATER, CAFE, WEEK)


def move(users: UserRepository, user: User, address: Address = NEW) -> User:
    """Changes the address and returns the account."""
    assert change(users, *ask(users, user, address)) is EmailChange.DONE
    return found(users, user)


def undo(users: UserRepository, user: User, former: FormerEmail) -> EmailChange:
    return users.undo_email_change(user, former, LATER, CAFE)


# Requesting


def test_a_new_address_is_pending_and_changes_nothing_else(
    users: UserRepository, collection: Users, ada: User
) -> None:
    assert users.ask_email_change(ada, NEW, LATER, CAFE)
    (link,) = letters(collection, ada, LetterKind.EMAIL_CHANGE)
    pending = PendingEmail("Ada@new.example", "ada@new.example", 1, LATER, link["id"])
    assert found(users, ada) == replace(ada, email_version=1, pending_email=pending)
    assert users.find_by_email("ada@new.example") is None, "a pending address is not found"
    assert not users.ask_reset("ada@new.example", LATER, HOME), "it gets no resets"
    assert register(users, NEW).id != ada.id, "it reserves nothing"
    assert last_event(collection, ada)["kind"] == "email_change_asked"


def test_the_new_address_is_owed_the_link_and_the_old_one_a_notice(
    users: UserRepository, collection: Users, ada: User
) -> None:
    ask(users, ada)
    (link,) = letters(collection, ada, LetterKind.EMAIL_CHANGE)
    (notice,) = letters(collection, ada, LetterKind.EMAIL_CHANGE_ASKED)
    assert link["to"] == notice["other"] == "Ada@new.example"
    assert notice["to"] == "Ada@Example.com"


def test_a_second_request_replaces_the_first(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user, first = ask(users, ada)
    user, second = ask(users, user, NEWER)
    assert (first.version, second.version) == (1, 2)
    with nothing_changes(collection):
        assert change(users, user, first) is EmailChange.STALE
    assert change(users, user, second) is EmailChange.DONE
    assert found(users, user).email_key == "ada@newer.example"


def test_the_same_address_asked_for_twice_has_two_links_and_the_newer_works(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user, first = ask(users, ada)
    user, second = ask(users, user)
    with nothing_changes(collection):
        assert change(users, user, first) is EmailChange.STALE
    assert change(users, user, second) is EmailChange.DONE


def test_a_request_with_an_outdated_password_or_version_changes_nothing(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user, _pending = ask(users, ada)
    with nothing_changes(collection):
        assert not users.ask_email_change(ada, NEWER, LATER, HOME), "another request came first"
    users.change_password(user, "newer", new_session(), LATER)
    with nothing_changes(collection):
        assert not users.ask_email_change(user, NEWER, LATER, HOME)


# Cancelling


def test_a_cancelled_change_is_void(users: UserRepository, collection: Users, ada: User) -> None:
    user, pending = ask(users, ada)
    assert users.cancel_email_change(user, LATER, CAFE)
    assert found(users, user) == replace(user, pending_email=None)
    assert last_event(collection, user)["kind"] == "email_change_cancelled"
    with nothing_changes(collection):
        assert change(users, user, pending) is EmailChange.STALE
        assert not users.cancel_email_change(user, LATER, CAFE)


def test_a_change_after_a_cancelled_one_has_a_new_version(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user, cancelled = ask(users, ada)
    users.cancel_email_change(user, NOW, HOME)
    user, pending = ask(users, found(users, user))
    assert pending.version == 2
    with nothing_changes(collection):
        assert change(users, user, cancelled) is EmailChange.STALE


# Changing


def test_a_confirmed_address_takes_effect(
    users: UserRepository, collection: Users, ada: User
) -> None:
    users.ask_reset(ada.email_key, NOW, HOME)
    user, pending = ask(users, found(users, ada))
    assert change(users, user, pending) is EmailChange.DONE
    assert found(users, user) == replace(
        user,
        email="Ada@new.example",
        email_key="ada@new.example",
        pending_email=None,
        factor_reset_version=1,
        reset_letter_id=None,
        former_emails=(FormerEmail("Ada@Example.com", "ada@example.com", 1, LATER),),
    )
    assert users.find_by_email("ada@example.com") is None
    (notice,) = letters(collection, user, LetterKind.EMAIL_CHANGED)
    (undo,) = letters(collection, user, LetterKind.EMAIL_CHANGED_UNDO)
    assert (notice["to"], notice["other"]) == ("Ada@new.example", "Ada@Example.com")
    assert (undo["to"], undo["other"]) == ("Ada@Example.com", "Ada@new.example")
    assert (undo["version"], undo["address"]) == (1, "192.0.2.9")
    assert last_event(collection, user)["kind"] == "email_changed"


def test_the_former_address_is_free(users: UserRepository, ada: User) -> None:
    move(users, ada)
    assert register(users, ADA).id != ada.id


def test_a_link_works_once(users: UserRepository, collection: Users, ada: User) -> None:
    user, pending = ask(users, ada)
    change(users, user, pending)
    with nothing_changes(collection):
        assert change(users, user, pending) is EmailChange.STALE
        assert change(users, found(users, user), pending) is EmailChange.STALE


@pytest.mark.parametrize(
    "other", [{"version": 2}, {"version": 0}, {"email_key": "ada@newer.example"}], ids=str
)
def test_only_the_pending_address_takes_effect(
    users: UserRepository, collection: Users, ada: User, other: dict[str, int]
) -> None:
    user, pending = ask(users, ada)
    wrong = replace(pending, **other)  # type: ignore[arg-type]
    with nothing_changes(collection):
        assert change(users, user, wrong) is EmailChange.STALE
        assert change(users, replace(user, id=random_id()), pending) is EmailChange.STALE


@pytest.mark.parametrize("step", ["reset", "password"])
def test_a_new_password_cancels_a_pending_change(
    users: UserRepository, collection: Users, ada: User, step: str
) -> None:
    user, pending = ask(users, ada)
    if step == "password":
        users.change_password(user, "newer", new_session(), NOW)
    else:
        users.ask_reset(user.email_key, NOW, HOME)
        users.reset_password(user, 1, "newer", NOW, HOME)
    with nothing_changes(collection):
        assert change(users, user, pending) is EmailChange.STALE


def test_an_address_that_another_account_has_confirmed_stays_with_it(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user, pending = ask(users, ada)
    confirm(users, register(users, NEW))
    with nothing_changes(collection):
        assert change(users, user, pending) is EmailChange.TAKEN


def test_a_confirmed_change_removes_an_unconfirmed_account_with_that_address(
    users: UserRepository, ada: User
) -> None:
    stranger = register(users, NEW)
    user = move(users, ada)
    assert users.find(stranger.id) is None
    assert users.find_by_email("ada@new.example") == user


def test_an_account_that_gives_way_leaves_a_deletion_record(
    users: UserRepository, collection: Users, ada: User
) -> None:
    squatter = register(users, NEW)
    move(users, ada)
    record = collection.database["departed"].find_one({"_id": squatter.id})
    assert record is not None
    assert record["how"] == "gave_way"


def test_an_invalid_link_removes_no_unconfirmed_account(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user, pending = ask(users, ada)
    users.cancel_email_change(user, NOW, HOME)
    register(users, NEW)
    with nothing_changes(collection):
        assert change(users, user, pending) is EmailChange.STALE


# Undoing


def test_an_undo_restores_the_address_and_ends_every_session(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user = move(users, ada)
    users.sign_in(user, new_session(device=PHONE))
    users.refuse_sign_in(user.id, NOW, CAFE)
    thief, _pending = ask(users, found(users, user), NEWER)
    assert undo(users, thief, thief.former_emails[0]) is EmailChange.DONE
    (reset,) = letters(collection, user, LetterKind.RESET)
    assert found(users, user) == replace(
        ada,
        factors_version=1,
        factor_reset_version=2,
        password_hash=NO_PASSWORD,
        sessions=(),
        devices=(),
        email_version=3,
        reset_version=1,
        reset_letter_id=reset["id"],
    )
    assert reset["to"] == "Ada@Example.com"
    notices = letters(collection, user, LetterKind.EMAIL_UNDONE)
    assert [notice["to"] for notice in notices] == ["Ada@Example.com", "Ada@new.example"]
    assert {notice["other"] for notice in notices} == {"Ada@new.example"}
    assert last_event(collection, user)["kind"] == "email_undone"


def test_after_an_undo_only_a_reset_gives_access(users: UserRepository, ada: User) -> None:
    user = move(users, ada)
    undo(users, user, user.former_emails[0])
    assert not users.sign_in(user, new_session())
    assert users.reset_password(found(users, user), 1, "newer", LATER, HOME)
    assert users.sign_in(found(users, user), new_session())


def test_an_undo_still_works_after_a_reset_a_new_password_and_further_changes(
    users: UserRepository, ada: User
) -> None:
    user = move(users, ada)
    (former,) = user.former_emails
    users.ask_reset(user.email_key, NOW, HOME)
    assert users.reset_password(user, 1, "thief's", NOW, HOME)
    user = found(users, user)
    assert users.change_password(user, "thief's other", new_session(), NOW)
    user = move(users, found(users, user), NEWER)
    assert undo(users, user, former) is EmailChange.DONE
    assert found(users, user).email_key == "ada@example.com"


def test_many_changes_do_not_remove_an_undo(users: UserRepository, ada: User) -> None:
    user = move(users, ada)
    (former,) = user.former_emails
    for n in range(25):
        user = move(users, user, parse_address(f"thief{n}@example.com"))
    assert undo(users, user, former) is EmailChange.DONE


def test_former_addresses_are_removed_when_their_undo_has_expired(
    users: UserRepository, ada: User
) -> None:
    user, later = ada, LATER
    for n in range(25):
        user, pending = ask(users, user, parse_address(f"ada{n}@example.com"))
        later += timedelta(days=365)
        assert users.change_email(user, pending, later, HOME, WEEK) is EmailChange.DONE
        user = found(users, user)
    assert len(user.former_emails) == 21
    assert user.former_emails[-1].email == "ada23@example.com"


def test_an_undo_invalidates_the_links_of_later_changes_only(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user = move(users, move(users, move(users, ada), NEWER), BOB)
    first, second, third = user.former_emails
    assert undo(users, user, second) is EmailChange.DONE
    user = found(users, user)
    assert (user.email_key, user.former_emails) == ("ada@new.example", (first,))
    with nothing_changes(collection):
        assert undo(users, user, second) is EmailChange.STALE, "it is used up"
        assert undo(users, user, third) is EmailChange.STALE, "the thief's own"
    assert undo(users, user, first) is EmailChange.DONE
    assert found(users, user).email_key == "ada@example.com"


def test_an_undo_changes_nothing_after_the_address_changed_meanwhile(
    users: UserRepository, collection: Users, ada: User
) -> None:
    seen = move(users, ada)
    move(users, seen, NEWER)
    with nothing_changes(collection):
        assert undo(users, seen, seen.former_emails[0]) is EmailChange.STALE
    assert undo(users, found(users, seen), seen.former_emails[0]) is EmailChange.DONE


def test_an_undo_cancels_a_pending_change(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user, pending = ask(users, move(users, ada), NEWER)
    undo(users, user, user.former_emails[0])
    with nothing_changes(collection):
        assert change(users, user, pending) is EmailChange.STALE
        assert change(users, found(users, user), pending) is EmailChange.STALE


def test_a_former_address_that_another_account_has_confirmed_stays_with_it(
    users: UserRepository, collection: Users, ada: User
) -> None:
    user = move(users, ada)
    confirm(users, register(users, ADA))
    with nothing_changes(collection):
        assert undo(users, user, user.former_emails[0]) is EmailChange.TAKEN


def test_an_undo_removes_an_unconfirmed_account_with_the_former_address(
    users: UserRepository, ada: User
) -> None:
    user, stranger = move(users, ada), register(users, ADA)
    assert undo(users, user, user.former_emails[0]) is EmailChange.DONE
    assert users.find(stranger.id) is None


def test_recovery_codes_of_a_thief_that_are_made_during_an_undo_do_not_stay(
    users: UserRepository, ada: User
) -> None:
    user = move(users, ada)
    app = Totp("app", "secret", NOW - HOUR, last_step=1)
    assert users.add_totp(user, app, "", NOW - HOUR, HOME, ["code of the owner"])
    looked_up = found(users, user)
    assert users.make_recovery_codes(looked_up, ["code of the thief"], LATER, CAFE)
    assert undo(users, looked_up, looked_up.former_emails[0]) is EmailChange.STALE
    assert undo(users, found(users, user), user.former_emails[0]) is EmailChange.DONE
    restored = found(users, user)
    assert restored.totp
    assert restored.recovery_codes is None
