"""The letters of all accounts, on mongomock and on a real mongod."""

from datetime import timedelta
from typing import Any

import pytest

from app.users.addresses import parse_address
from app.users.backends import backend_of
from app.users.letters import LetterKind
from app.users.outbox import Outbox
from app.users.outbox_overview import SHOWN, OutboxOverview
from app.users.refusals import Refusal
from app.users.repository import UserRepository
from app.users.user import User
from tests.commands import commands
from tests.users.conftest import (
    ADA,
    BOB,
    HOME,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    Users,
    confirm,
    found,
    letters,
    nothing_changes,
    register,
)

DAY = timedelta(days=1)
WORDS = "550 5.1.1 no such mailbox"


@pytest.fixture
def overview(collection: Users) -> OutboxOverview:
    """The overview of all letters."""
    return backend_of(collection.database).outbox_overview(collection)


def refuse_next(outbox: Outbox, words: str = WORDS) -> None:
    leased = outbox.lease(NOW, MINUTE)
    assert leased
    assert outbox.refuse(leased, words, NOW, Refusal.NO_SUCH_MAILBOX)


def postpone_next(outbox: Outbox, words: str = "451 later") -> None:
    leased = outbox.lease(NOW, MINUTE)
    assert leased
    assert outbox.postpone(leased, NOW + HOUR, words)


def letter_id(collection: Users, user: User) -> str:
    return str(letters(collection, user)[0]["id"])


def test_each_letter_is_in_the_list_of_its_state(
    users: UserRepository, outbox: Outbox, overview: OutboxOverview
) -> None:
    ada = register(users)
    refuse_next(outbox)
    bob = register(users, BOB)
    postpone_next(outbox)
    users.ask_reset(BOB.key, NOW, HOME)
    (refused,) = overview.refused().first
    assert (refused.account, refused.email, refused.letter.trouble) == (ada.id, ADA.typed, WORDS)
    (retried,) = overview.in_retry().first
    assert (retried.account, retried.letter.due_on) == (bob.id, NOW + HOUR)
    (due,) = overview.due(NOW).first
    assert (due.account, due.letter.kind) == (bob.id, LetterKind.RESET)
    for listed, kind in (
        (overview.refused(), LetterKind.CONFIRM),
        (overview.in_retry(), LetterKind.CONFIRM),
        (overview.due(NOW), LetterKind.RESET),
    ):
        assert (listed.count, dict(listed.kinds)) == (1, {kind: 1})


def test_with_no_letters_every_list_is_empty(overview: OutboxOverview) -> None:
    for listed in (overview.due(NOW), overview.in_retry(), overview.refused()):
        assert (listed.count, listed.first, dict(listed.kinds)) == (0, (), {})


def test_a_refused_letter_can_be_retried_and_the_account_shows_it(
    users: UserRepository, outbox: Outbox, overview: OutboxOverview, collection: Users
) -> None:
    ada = register(users)
    refuse_next(outbox)
    assert found(users, ada).mail_state == "failed"
    assert overview.retry(ada.id, letter_id(collection, ada), NOW)
    assert found(users, ada).mail_state == "queued"
    leased = outbox.lease(NOW, MINUTE)
    assert leased
    assert outbox.settle(leased, NOW)
    assert found(users, ada).mail_state == "sent"
    assert overview.refused().count == 0


def test_a_leased_letter_cannot_be_retried(
    users: UserRepository, outbox: Outbox, overview: OutboxOverview, collection: Users
) -> None:
    ada = register(users)
    postpone_next(outbox)
    assert outbox.lease(NOW + HOUR, MINUTE)
    with nothing_changes(collection):
        assert not overview.retry(ada.id, letter_id(collection, ada), NOW)
        assert overview.retry_all(LetterKind.CONFIRM, NOW) == 0


def test_a_sent_letter_cannot_be_retried(
    users: UserRepository, overview: OutboxOverview, collection: Users
) -> None:
    ada = register(users)
    with nothing_changes(collection):
        assert not overview.retry(ada.id, "0" * 16, NOW)


def test_retrying_a_kind_retries_only_that_kind(
    users: UserRepository, outbox: Outbox, overview: OutboxOverview
) -> None:
    ada = confirm(users, register(users))
    refuse_next(outbox)
    users.ask_reset(ada.email_key, NOW, HOME)
    refuse_next(outbox)
    register(users, BOB)
    refuse_next(outbox)
    assert overview.retry_all(LetterKind.CONFIRM, NOW + HOUR) == 2
    assert dict(overview.refused().kinds) == {LetterKind.RESET: 1}
    assert dict(overview.in_retry().kinds) == {LetterKind.CONFIRM: 2}
    bob = users.find_by_email(BOB.key)
    assert bob
    assert bob.mail_state == "queued"


def test_retrying_an_older_mail_does_not_clear_the_refusal_of_the_newest(
    users: UserRepository, outbox: Outbox, overview: OutboxOverview, collection: Users
) -> None:
    """The link of the older mail no longer works; its retry changes nothing for the newer mail."""
    ada = register(users)
    refuse_next(outbox)
    assert users.resend(ada, NOW, HOUR * 0)
    refuse_next(outbox)
    older, newer = (str(letter["id"]) for letter in letters(collection, ada))
    assert overview.retry(ada.id, older, NOW)
    assert found(users, ada).mail_state == "failed"
    assert overview.retry(ada.id, newer, NOW)
    assert found(users, ada).mail_state == "queued"


@pytest.mark.parametrize(("kind", "state"), [("confirm", "failed"), ("reminder", "queued")])
def test_retrying_a_kind_does_not_change_a_newer_mail_of_another_kind(
    users: UserRepository,
    outbox: Outbox,
    overview: OutboxOverview,
    collection: Users,
    kind: LetterKind,
    state: str,
) -> None:
    ada = register(users)
    postpone_next(outbox)
    later = NOW + 6 * DAY
    assert users.owe_reminder(later, 2 * DAY)
    collection.update_one(  # the older one is still in retry
        {"_id": ada.id, "outbox.kind": "confirm"}, {"$set": {"outbox.$.due_on": later + DAY}}
    )
    leased = outbox.lease(later, MINUTE)
    assert leased
    assert leased.letter.kind == LetterKind.REMINDER
    assert outbox.refuse(leased, WORDS, NOW, Refusal.NO_SUCH_MAILBOX)
    assert overview.retry_all(LetterKind(kind), later) == 1
    assert found(users, ada).mail_state == state
    again = outbox.lease(later, MINUTE)
    assert again
    assert again.letter.kind == kind


def test_a_letter_that_is_refused_again_at_once_stays_refused(
    real_users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker leases and refuses the letter right after the retry."""
    users, outbox, overview = (
        UserRepository(real_users),
        Outbox(real_users),
        OutboxOverview(real_users),
    )
    ada = register(users)
    refuse_next(outbox)
    letter = letter_id(real_users, ada)
    update_one = type(real_users).update_one

    def and_a_worker_at_once(collection: Users, *command: Any, **options: Any) -> Any:
        result = update_one(collection, *command, **options)
        if result.modified_count:
            monkeypatch.undo()
            refuse_next(outbox, "550 still not")
        return result

    monkeypatch.setattr(type(real_users), "update_one", and_a_worker_at_once)
    assert overview.retry(ada.id, letter, NOW)
    refused = found(users, ada).confirm_mail
    assert refused
    assert refused.refused == "550 still not"


def test_lists_are_in_order_and_count_each_kind(
    users: UserRepository, outbox: Outbox, overview: OutboxOverview
) -> None:
    addresses = [parse_address(f"n{number}@example.com") for number in range(SHOWN + 5)]
    for number, address in enumerate(addresses):
        register(users, address, NOW - number * MINUTE)
    due = overview.due(NOW)
    assert due.count == SHOWN + 5
    assert [owed.email for owed in due.first] == [one.typed for one in addresses[:4:-1]], "oldest"
    for _ in addresses[:-1]:
        refuse_next(outbox)
    users.ask_reset(addresses[0].key, NOW + SECOND, HOME)
    refused = overview.refused()
    assert (refused.count, dict(refused.kinds)) == (SHOWN + 4, {LetterKind.CONFIRM: SHOWN + 4})
    ages = [owed.letter.owed_on for owed in refused.first]
    assert ages == sorted(ages, reverse=True), "newest"
    assert dict(overview.due(NOW + SECOND).kinds) == {LetterKind.RESET: 1, LetterKind.CONFIRM: 1}


def test_the_deletion_mail_of_a_removed_account_is_listed_by_its_recipient(
    users: UserRepository, outbox: Outbox, overview: OutboxOverview
) -> None:
    ada = confirm(users, register(users))
    users.delete(ada, NOW, HOME)
    postpone_next(outbox)
    (owed,) = overview.in_retry().first
    assert (owed.email, owed.letter.kind) == (ADA.typed, LetterKind.ACCOUNT_DELETED)


@pytest.mark.parametrize("kind", [LetterKind.CONFIRM, LetterKind.RESET])
def test_retrying_a_kind_reads_only_letters_in_trouble(real_users: Users, kind: LetterKind) -> None:
    """On a real mongod, where most accounts are owed letters and few letters are in trouble."""
    users, outbox, overview = (
        UserRepository(real_users),
        Outbox(real_users),
        OutboxOverview(real_users),
    )
    for number in range(30):
        register(users, parse_address(f"n{number}@example.com"))
        if number < 3:
            refuse_next(outbox)
    with commands.recorded() as sent:
        overview.retry_all(kind, NOW)
    assert sent
    for command in sent:
        asked = {name: command[name] for name in ("update", "updates")}
        explained = real_users.database.command("explain", asked, verbosity="executionStats")
        assert explained["executionStats"]["totalDocsExamined"] == 3


def test_the_lists_of_trouble_read_only_letters_in_trouble(real_users: Users) -> None:
    """On a real mongod, by an index that only has letters in trouble."""
    users, outbox, overview = (
        UserRepository(real_users),
        Outbox(real_users),
        OutboxOverview(real_users),
    )
    for number in range(30):
        register(users, ADA.__class__(f"a{number}@x.example", f"a{number}@x.example", ""))
        if number < 3:
            refuse_next(outbox)
    with commands.recorded() as sent:
        assert overview.refused().count == 3
    for command in sent:
        asked = {name: command[name] for name in ("aggregate", "pipeline", "cursor")}
        explained = real_users.database.command("explain", asked, verbosity="executionStats")
        assert "outbox_trouble" in str(explained)
    assert overview.due(NOW).count == 27
