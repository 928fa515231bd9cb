"""The letters of all accounts, on mongomock and on a real mongod."""

import pytest

from app.users.letters import LetterKind
from app.users.outbox import Outbox
from app.users.queue import Queue
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
    Users,
    confirm,
    found,
    letters,
    nothing_changes,
    register,
)

WORDS = "550 5.1.1 no such mailbox"


@pytest.fixture
def queue(collection: Users) -> Queue:
    """All letters."""
    return Queue(collection)


def refuse_next(outbox: Outbox, words: str = WORDS) -> None:
    claim = outbox.claim(NOW, MINUTE)
    assert claim
    assert outbox.refuse(claim, words)


def postpone_next(outbox: Outbox, words: str = "451 later") -> None:
    claim = outbox.claim(NOW, MINUTE)
    assert claim
    assert outbox.postpone(claim, NOW + HOUR, words)


def letter_id(collection: Users, user: User) -> str:
    return str(letters(collection, user)[0]["id"])


def test_each_letter_is_in_the_list_of_how_it_fares(
    users: UserRepository, outbox: Outbox, queue: Queue
) -> None:
    ada = register(users)
    refuse_next(outbox)
    bob = register(users, BOB)
    postpone_next(outbox)
    users.ask_reset(BOB.key, NOW, HOME)
    (refused,) = queue.refused().first
    assert (refused.account, refused.email, refused.letter.trouble) == (ada.id, ADA.typed, WORDS)
    (retried,) = queue.in_retry().first
    assert (retried.account, retried.letter.due_on) == (bob.id, NOW + HOUR)
    (due,) = queue.due().first
    assert (due.account, due.letter.kind) == (bob.id, LetterKind.RESET)
    for listed, kind in (
        (queue.refused(), LetterKind.CONFIRM),
        (queue.in_retry(), LetterKind.CONFIRM),
        (queue.due(), LetterKind.RESET),
    ):
        assert (listed.count, dict(listed.kinds)) == (1, {kind: 1})


def test_of_nothing_there_is_nothing(queue: Queue) -> None:
    for listed in (queue.due(), queue.in_retry(), queue.refused()):
        assert (listed.count, listed.first, dict(listed.kinds)) == (0, (), {})


def test_a_refused_letter_is_tried_again_and_its_page_says_so(
    users: UserRepository, outbox: Outbox, queue: Queue, collection: Users
) -> None:
    ada = register(users)
    refuse_next(outbox)
    assert found(users, ada).mail_state == "failed"
    assert queue.retry(ada.id, letter_id(collection, ada), NOW)
    assert found(users, ada).mail_state == "queued"
    claim = outbox.claim(NOW, MINUTE)
    assert claim
    assert outbox.settle(claim, NOW)
    assert found(users, ada).mail_state == "sent"
    assert queue.refused().count == 0


def test_one_that_a_worker_has_in_hand_is_left_alone(
    users: UserRepository, outbox: Outbox, queue: Queue, collection: Users
) -> None:
    ada = register(users)
    postpone_next(outbox)
    assert outbox.claim(NOW + HOUR, MINUTE)
    with nothing_changes(collection):
        assert not queue.retry(ada.id, letter_id(collection, ada), NOW)
        assert queue.retry_all(LetterKind.CONFIRM, NOW) == 0


def test_a_letter_that_has_left_is_none(
    users: UserRepository, queue: Queue, collection: Users
) -> None:
    ada = register(users)
    with nothing_changes(collection):
        assert not queue.retry(ada.id, "0" * 16, NOW)


def test_all_of_a_kind_are_tried_again_and_no_others(
    users: UserRepository, outbox: Outbox, queue: Queue
) -> None:
    ada = confirm(users, register(users))
    refuse_next(outbox)
    users.ask_reset(ada.email_key, NOW, HOME)
    refuse_next(outbox)
    register(users, BOB)
    refuse_next(outbox)
    assert queue.retry_all(LetterKind.CONFIRM, NOW + HOUR) == 2
    assert dict(queue.refused().kinds) == {LetterKind.RESET: 1}
    assert dict(queue.in_retry().kinds) == {LetterKind.CONFIRM: 2}
    bob = users.find_by_email(BOB.key)
    assert bob
    assert bob.mail_state == "queued"


def test_lists_of_trouble_read_the_troubled_alone(real_users: Users) -> None:
    """On a real mongod, by an index that has an entry for them only."""
    users, outbox, queue = UserRepository(real_users), Outbox(real_users), Queue(real_users)
    for number in range(30):
        register(users, ADA.__class__(f"a{number}@x.example", f"a{number}@x.example", ""))
        if number < 3:
            refuse_next(outbox)
    with commands.recorded() as sent:
        assert queue.refused().count == 3
    for command in sent:
        asked = {name: command[name] for name in ("aggregate", "pipeline", "cursor")}
        explained = real_users.database.command("explain", asked, verbosity="executionStats")
        assert "outbox_trouble" in str(explained)
    assert queue.due().count == 27
