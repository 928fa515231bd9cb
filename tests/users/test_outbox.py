"""The queue of owed letters, on mongomock and on a real mongod."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from app.users.account_search import AccountSearch
from app.users.addresses import parse_address
from app.users.backends import backend_of
from app.users.letters import LetterKind, owe
from app.users.outbox import Blockage, LeasedLetter, Outbox, QueueStats
from app.users.refusals import Refusal, Trouble, alike
from app.users.refused_letters import RefusedAlike
from app.users.repository import UserRepository
from app.users.user import ConfirmMail, User
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
    new_session,
    nothing_changes,
    register,
)

LEASE = MINUTE
BEFORE, AFTER = NOW - SECOND, NOW + SECOND
NONE_AT_ALL = timedelta(0)


def taken(outbox: Outbox, now: datetime = NOW) -> LeasedLetter:
    """Leases the due letter; fails if there is none."""
    leased = outbox.lease(now, LEASE)
    assert leased is not None
    return leased


# Leasing


def test_an_owed_letter_is_leased_with_its_account(users: UserRepository, outbox: Outbox) -> None:
    user = register(users)
    leased = taken(outbox)
    assert leased.user == user
    assert leased.letter.kind == LetterKind.CONFIRM
    assert user.confirm_mail is not None
    assert leased.letter.id == user.confirm_mail.id
    assert (leased.letter.owed_on, leased.letter.due_on) == (NOW, NOW + LEASE)
    assert leased.letter.attempts == 1


def test_a_letter_is_not_leased_before_it_is_due(users: UserRepository, outbox: Outbox) -> None:
    assert outbox.lease(NOW, LEASE) is None, "no account"
    register(users)
    assert outbox.lease(BEFORE, LEASE) is None


def test_a_leased_letter_is_not_leased_again_during_the_lease(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    register(users)
    taken(outbox)
    with nothing_changes(collection):
        assert outbox.lease(NOW, LEASE) is None
        assert outbox.lease(NOW + LEASE - SECOND, LEASE) is None


def test_the_letter_of_a_dead_worker_is_leased_again_with_the_same_message_id(
    users: UserRepository, outbox: Outbox
) -> None:
    register(users)
    dead, second = taken(outbox), taken(outbox, NOW + LEASE)
    assert second.letter.id == dead.letter.id
    assert second.letter.message_id == dead.letter.message_id
    assert second.letter.attempts == 2
    assert second.letter.lease
    assert second.letter.lease != dead.letter.lease


def test_two_letters_never_share_a_message_id() -> None:
    ids = {owe(LetterKind.CONFIRM, NOW).message_id for _ in range(100)}
    assert len(ids) == 100


def test_several_letters_of_one_account_are_leased_one_by_one(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user = confirm(users, register(users))
    users.owe_account_exists(user.email_key, NOW, HOUR)
    users.owe_account_exists(user.email_key, NOW + HOUR, HOUR)
    first, second = taken(outbox), taken(outbox)
    assert [first.letter.kind, second.letter.kind] == ["confirm", "account_exists"]
    assert outbox.lease(NOW, LEASE) is None, "the third is due in an hour"
    assert outbox.settle(second, NOW)
    left = [letter["id"] for letter in letters(collection, user)]
    assert left[0] == first.letter.id
    assert taken(outbox, NOW + HOUR).letter.id in left


# Lost leases


def finish(outbox: Outbox, leased: LeasedLetter, how: str) -> bool:
    steps = {
        "settle": lambda: outbox.settle(leased, AFTER),
        "drop": lambda: outbox.drop(leased),
        "refuse": lambda: outbox.refuse(leased, "550 no such user", NOW, Refusal.NO_SUCH_MAILBOX),
        "postpone": lambda: outbox.postpone(leased, AFTER, "421 later"),
        "block": lambda: outbox.block(leased, NOW, AFTER, "535 no", Trouble.SIGN_IN),
        "doubt": lambda: outbox.doubt(leased, AFTER, "no answer"),
        "take for sent": lambda: outbox.take_for_sent(leased, AFTER, "no answer"),
    }
    return steps[how]()


WAYS = ["settle", "drop", "refuse", "postpone", "block", "doubt", "take for sent"]
FINISHES = pytest.mark.parametrize("how", WAYS)


@FINISHES
def test_a_late_report_of_a_lost_lease_changes_nothing(
    users: UserRepository, outbox: Outbox, collection: Users, how: str
) -> None:
    register(users)
    dead, second = taken(outbox), taken(outbox, NOW + LEASE)
    with nothing_changes(collection):
        assert not finish(outbox, dead, how)
    assert finish(outbox, second, how)


@FINISHES
@pytest.mark.parametrize("ended_by", WAYS)
def test_a_lease_ends_once(
    users: UserRepository, outbox: Outbox, collection: Users, ended_by: str, how: str
) -> None:
    register(users)
    leased = taken(outbox)
    assert finish(outbox, leased, ended_by)
    with nothing_changes(collection):
        assert not finish(outbox, leased, how)


@FINISHES
def test_settling_a_superseded_letter_does_not_change_the_newer_one(
    users: UserRepository, outbox: Outbox, collection: Users, how: str
) -> None:
    """A takeover happened while the worker sent the mail of the earlier registration."""
    user = register(users)
    leased = taken(outbox)
    newer = register(users, now=AFTER)
    (letter,) = letters(collection, user)[1:]
    assert finish(outbox, leased, how)
    assert letters(collection, user)[-1] == letter
    assert found(users, user) == newer


@FINISHES
def test_the_lease_of_a_deleted_account_changes_nothing(
    users: UserRepository, outbox: Outbox, collection: Users, how: str
) -> None:
    user, _other = register(users), register(users, parse_address("bob@example.com"), AFTER)
    leased = taken(outbox)
    users.disown(user.id, user.email_key, 1, NOW)
    with nothing_changes(collection):
        assert not finish(outbox, leased, how)


# Superseded letters


def test_a_resend_supersedes_a_letter(users: UserRepository, outbox: Outbox) -> None:
    user = register(users)
    assert users.resend(user, NOW, NONE_AT_ALL)
    first, second = taken(outbox), taken(outbox)
    assert [first.overtaken, second.overtaken] == [True, False]
    assert second.user.token_version == 2


def test_a_confirmation_supersedes_a_letter(users: UserRepository, outbox: Outbox) -> None:
    confirm(users, register(users))
    assert taken(outbox).overtaken


def test_the_newest_letter_of_an_unconfirmed_account_is_not_superseded(
    users: UserRepository, outbox: Outbox
) -> None:
    register(users)
    register(users, now=AFTER)
    first = taken(outbox, AFTER)
    assert first.overtaken, "the earlier claim's"
    assert outbox.drop(first)
    assert not taken(outbox, AFTER).overtaken
    assert outbox.lease(AFTER, LEASE) is None


def without_confirmation(users: UserRepository, outbox: Outbox) -> User:
    """A confirmed account without owed letters."""
    user = confirm(users, register(users))
    assert outbox.drop(taken(outbox))
    return found(users, user)


def test_a_newer_reset_letter_supersedes_the_older(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user = without_confirmation(users, outbox)
    users.ask_reset(user.email_key, NOW, HOME)
    assert users.change_password(user, "newer", new_session(), NOW)
    users.ask_reset(user.email_key, NOW, HOME)
    older = taken(outbox)
    assert older.overtaken
    assert outbox.drop(older)
    notice, newest = taken(outbox), taken(outbox)
    assert notice.letter.kind == LetterKind.PASSWORD_CHANGED
    assert not newest.overtaken
    assert newest.user.reset_version == 2


def test_a_new_password_supersedes_a_reset_letter(users: UserRepository, outbox: Outbox) -> None:
    user = without_confirmation(users, outbox)
    users.ask_reset(user.email_key, NOW, HOME)
    assert users.change_password(user, "newer", new_session(), NOW)
    assert taken(outbox).overtaken


@pytest.mark.parametrize("step", ["cancelled", "asked again", "password changed"])
def test_the_letter_of_a_cancelled_change_of_address_is_superseded(
    users: UserRepository, outbox: Outbox, step: str
) -> None:
    user = without_confirmation(users, outbox)
    users.ask_email_change(user, BOB, NOW, HOME)
    user = found(users, user)
    assert {
        "cancelled": lambda: users.cancel_email_change(user, NOW, HOME),
        "asked again": lambda: users.ask_email_change(user, BOB, NOW, HOME),
        "password changed": lambda: users.change_password(user, "newer", new_session(), NOW),
    }[step]()
    leased = taken(outbox)
    assert (leased.letter.kind, leased.overtaken) == ("email_change", True)


def test_the_letter_of_a_pending_change_of_address_is_not_superseded(
    users: UserRepository, outbox: Outbox
) -> None:
    users.ask_email_change(without_confirmation(users, outbox), BOB, NOW, HOME)
    leased = taken(outbox)
    assert (leased.letter.kind, leased.letter.to) == ("email_change", "bob@example.com")
    assert not leased.overtaken


def test_other_letters_are_never_superseded(users: UserRepository, outbox: Outbox) -> None:
    user = confirm(users, register(users))
    assert outbox.drop(taken(outbox))
    users.owe_account_exists(user.email_key, NOW, HOUR)
    assert not taken(outbox).overtaken


# Settling


def test_a_delivered_letter_is_removed_and_the_account_has_its_time(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user = register(users)
    assert outbox.settle(taken(outbox), AFTER)
    assert letters(collection, user) == []
    assert user.confirm_mail is not None
    mail = replace(user.confirm_mail, sent_on=AFTER)
    assert found(users, user) == replace(user, confirm_mail=mail)
    assert found(users, user).mail_state == "sent"


def test_delivering_a_superseded_letter_does_not_mark_the_newest_as_sent(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    """The resend happened while the worker sent the older mail."""
    user = register(users)
    leased = taken(outbox)
    users.resend(user, NOW, NONE_AT_ALL)
    assert outbox.settle(leased, AFTER)
    assert len(letters(collection, user)) == 1
    assert found(users, user).mail_state == "queued"


def test_other_letters_do_not_change_the_state_of_the_confirmation_mail(
    users: UserRepository, outbox: Outbox
) -> None:
    user = confirm(users, register(users))
    assert outbox.drop(taken(outbox))
    for how in ("refuse", "settle"):
        users.owe_account_exists(user.email_key, NOW, NONE_AT_ALL)
        assert finish(outbox, taken(outbox), how)
        assert found(users, user) == replace(user, exists_told_on=NOW)


def test_a_dropped_letter_is_removed_unsent(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user = register(users)
    assert outbox.drop(taken(outbox))
    assert letters(collection, user) == []
    assert found(users, user) == user


# Refusing


def test_a_refused_letter_is_kept_with_its_reason_and_not_retried(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user = register(users)
    leased = taken(outbox)
    assert outbox.refuse(leased, "550 no such user", NOW, Refusal.NO_SUCH_MAILBOX)
    (letter,) = letters(collection, user)
    assert letter["id"] == leased.letter.id
    assert (letter["due_on"], letter["trouble"]) == (None, "550 no such user")
    assert outbox.lease(NOW + 999 * HOUR, LEASE) is None
    assert not outbox.waiting(NOW)
    fresh = found(users, user)
    assert fresh.mail_state == "failed"
    assert fresh.confirm_mail == ConfirmMail(
        letter["id"], NOW, refused="550 no such user", refusal=Refusal.NO_SUCH_MAILBOX
    )


def test_refusing_a_superseded_letter_does_not_mark_the_newest_as_refused(
    users: UserRepository, outbox: Outbox
) -> None:
    user = register(users)
    leased = taken(outbox)
    users.resend(user, NOW, NONE_AT_ALL)
    assert outbox.refuse(leased, "550 no such user", NOW, Refusal.NO_SUCH_MAILBOX)
    assert found(users, user).mail_state == "queued"


def test_a_refused_letter_does_not_block_the_next_of_its_account(
    users: UserRepository, outbox: Outbox
) -> None:
    user = register(users)
    outbox.refuse(taken(outbox), "550 no such user", NOW, Refusal.NO_SUCH_MAILBOX)
    users.resend(user, AFTER, NONE_AT_ALL)
    leased = taken(outbox, AFTER)
    assert not leased.overtaken
    assert outbox.settle(leased, AFTER)
    assert found(users, user).mail_state == "sent"


# Postponing


def test_a_postponed_letter_is_due_later_with_the_same_message_id(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user = register(users)
    leased = taken(outbox)
    assert outbox.postpone(leased, NOW + HOUR, "451 try again")
    (letter,) = letters(collection, user)
    assert (letter["trouble"], letter["blocked"], letter["lease"]) == ("451 try again", False, None)
    assert outbox.lease(NOW + HOUR - SECOND, LEASE) is None
    again = taken(outbox, NOW + HOUR)
    assert again.letter.message_id == leased.letter.message_id
    assert again.letter.attempts == 2
    assert found(users, user) == user


def test_one_postponed_letter_does_not_delay_the_others(
    users: UserRepository, outbox: Outbox
) -> None:
    register(users)
    outbox.postpone(taken(outbox), NOW + HOUR, "451 try again")
    bob = register(users, parse_address("bob@example.com"))
    assert taken(outbox).user.id == bob.id


# Trouble that is about no letter


def test_a_blocked_letter_loses_no_attempt_and_says_why(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user = register(users)
    for blocks in (1, 2):
        leased = taken(outbox, NOW + HOUR)
        assert leased.letter.attempts == 1
        assert outbox.block(leased, NOW, NOW + HOUR, "535 bad login", Trouble.SIGN_IN)
        (letter,) = letters(collection, user)
        assert (letter["attempts"], letter["blocks"]) == (0, blocks)
        assert (letter["blocked"], letter["blockage"]) == (True, "sign_in")
    assert outbox.postpone(taken(outbox, NOW + HOUR), NOW + HOUR, "451 busy", since=NOW)
    (letter,) = letters(collection, user)
    assert (letter["attempts"], letter["blocks"], letter["blockage"]) == (1, 0, None)
    assert letter["troubled_on"] == NOW


def test_only_the_holder_can_extend_a_lease(users: UserRepository, outbox: Outbox) -> None:
    register(users)
    leased = taken(outbox)
    assert outbox.extend(leased, NOW + HOUR)
    assert outbox.lease(NOW + LEASE, LEASE) is None
    other = taken(outbox, NOW + HOUR)
    assert not outbox.extend(leased, NOW + 2 * HOUR)
    assert outbox.settle(other, NOW)


def refused(users: UserRepository, outbox: Outbox, email: str, words: str) -> LeasedLetter:
    """A new account whose confirmation mail was refused."""
    register(users, parse_address(email))
    leased = taken(outbox)
    assert outbox.refuse(leased, words, NOW, Refusal.NO_SUCH_MAILBOX, alike(words, email))
    return leased


def test_the_same_refusal_in_three_unrelated_domains_is_about_us(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    for email in ("ada@one.example", "bob@one.example", "ada@mail.two.example"):
        refused(users, outbox, email, f"550 5.1.1 <{email}>: unknown")
    said = alike("550 5.1.1 <eve@two.example>: unknown", "eve@two.example")
    net = RefusedAlike(collection)
    assert not net.is_about_us(said, "eve@two.example", NOW)
    assert net.is_about_us(said, "eve@three.example", NOW)
    assert not net.is_about_us(said, "eve@three.example", AFTER), "that was before"
    assert not net.is_about_us("550 5.1.1 disabled", "eve@three.example", NOW)


def test_only_letters_with_the_same_refusal_are_put_back(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    ada = refused(users, outbox, "ada@one.example", "550 5.1.1 <ada@one.example>: unknown")
    bob = refused(users, outbox, "bob@two.example", "550 5.1.1 bob: unknown")
    eve = refused(users, outbox, "eve@two.example", "550 5.2.1 disabled")
    said = alike("550 5.1.1 unknown", "eve@three.example")
    assert RefusedAlike(collection).take_back(said, NOW, AFTER) == 2
    assert RefusedAlike(collection).take_back(said, NOW, AFTER) == 0, "again"
    for leased in (ada, bob):
        (letter,) = letters(collection, leased.user)
        assert (letter["due_on"], letter["blockage"]) == (AFTER, "alike")
        assert found(users, leased.user).mail_state == "queued"
    assert letters(collection, eve.user)[0]["due_on"] is None
    assert found(users, eve.user).mail_state == "failed"
    assert outbox.blocked() is not None


def test_a_letter_that_counts_as_sent_is_kept_and_can_be_made_due_again(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user = register(users)
    assert outbox.doubt(taken(outbox), NOW, "no answer")
    assert outbox.take_for_sent(taken(outbox), AFTER, "no answer")
    (letter,) = letters(collection, user)
    assert (letter["due_on"], letter["unsure"]) == (None, 2)
    assert found(users, user).mail_state == "sent"
    overview = backend_of(collection.database).outbox_overview(collection)
    assert [one.letter.id for one in overview.refused().first] == [letter["id"]]
    assert overview.retry(user.id, letter["id"], AFTER)
    assert taken(outbox, AFTER).letter.message_id == letter["message_id"]


# What the operator sees


def test_waiting_says_whether_letters_are_left_to_send(
    users: UserRepository, outbox: Outbox
) -> None:
    assert not outbox.waiting(NOW)
    register(users)
    assert outbox.waiting(NOW), "due"
    leased = taken(outbox)
    assert outbox.waiting(NOW), "leased by a worker"
    outbox.postpone(leased, NOW + HOUR, "451 try again")
    assert outbox.waiting(NOW), "due later"
    outbox.settle(taken(outbox, NOW + HOUR), NOW + HOUR)
    assert not outbox.waiting(NOW)


def test_the_stats_count_what_is_due(users: UserRepository, outbox: Outbox) -> None:
    user = register(users)
    users.resend(user, NOW, NONE_AT_ALL)
    register(users, parse_address("bob@example.com"), NOW + HOUR)
    assert outbox.stats(BEFORE).due == 0
    assert outbox.stats(NOW).due == 2, "both of one account, and not the later one"
    assert outbox.stats(NOW + HOUR).due == 3
    assert outbox.stats(NOW + HOUR).overdue == 3600
    taken(outbox)
    assert outbox.stats(NOW).due == 1
    assert outbox.stats(NOW + 90 * SECOND).overdue == 90


def test_blocked_names_the_reason_until_it_is_fixed(users: UserRepository, outbox: Outbox) -> None:
    register(users)
    outbox.postpone(taken(outbox), NOW + MINUTE, "451 busy")
    assert outbox.blocked() is None
    outbox.block(taken(outbox, NOW + MINUTE), NOW, NOW + HOUR, "535 bad login", Trouble.REFUSED)
    assert outbox.blocked() == Blockage("535 bad login", Trouble.REFUSED)
    outbox.settle(taken(outbox, NOW + HOUR), NOW + HOUR)
    assert outbox.blocked() is None


def test_a_letter_that_is_refused_after_it_was_blocked_no_longer_blocks(
    users: UserRepository, outbox: Outbox
) -> None:
    user = confirm(users, register(users))
    outbox.block(taken(outbox), NOW, NOW + MINUTE, "535 bad login", Trouble.REFUSED)
    outbox.refuse(taken(outbox, NOW + MINUTE), "550 no such user", NOW, Refusal.NO_SUCH_MAILBOX)
    assert outbox.blocked() is None
    users.owe_account_exists(user.email_key, NOW, HOUR)
    outbox.block(taken(outbox), NOW, NOW + HOUR, "530 TLS first", Trouble.REFUSED)
    assert outbox.blocked() == Blockage("530 TLS first", Trouble.REFUSED)


# Letters of a later day


def test_a_letter_of_a_later_day_is_not_in_the_queue_before_that_day(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user, overview = register(users), backend_of(collection.database).outbox_overview(collection)
    outbox.settle(taken(outbox), NOW)
    later = owe(LetterKind.NEW_SIGN_IN, NOW, HOME, due_on=NOW + HOUR).document()
    collection.update_one({"_id": user.id}, {"$push": {"outbox": later}})
    assert outbox.stats(NOW) == QueueStats()
    assert not outbox.waiting(NOW), "send_mail.py --once exits 0"
    assert outbox.blocked() is None
    assert outbox.lease(NOW + HOUR - SECOND, LEASE) is None
    for listed in (overview.due(NOW), overview.in_retry(), overview.refused()):
        assert listed.count == 0
    assert outbox.stats(NOW + HOUR + MINUTE) == QueueStats(owed=1, due=1, overdue=60, oldest=60)
    assert overview.due(NOW + HOUR).count == 1
    leased = taken(outbox, NOW + HOUR)
    outbox.postpone(leased, NOW + 2 * HOUR, "451 try again")
    assert outbox.waiting(NOW + HOUR), "it is to be tried again"
    assert overview.in_retry().count == 1


def test_one_letter_of_a_later_day_does_not_hide_a_letter_that_is_due(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user = register(users)
    later = owe(LetterKind.NEW_SIGN_IN, NOW, HOME, due_on=NOW + HOUR).document()
    collection.update_one({"_id": user.id}, {"$push": {"outbox": later}})
    assert (outbox.stats(NOW).owed, outbox.stats(NOW).due) == (1, 1)
    assert outbox.waiting(NOW)
    assert taken(outbox).letter.kind == LetterKind.CONFIRM
    assert outbox.lease(NOW, LEASE) is None


# Many workers


def test_eight_workers_lease_each_letter_once(
    real_users: Users,
) -> None:
    repository, accounts, workers = UserRepository(real_users), 80, 8
    for n in range(accounts):
        user = register(repository, replace(ADA, key=f"{n}@example.com"))
        assert repository.resend(user, NOW, NONE_AT_ALL)
    start = Barrier(workers)

    def work(_worker: int) -> list[LeasedLetter]:
        leased, outbox = [], Outbox(real_users)
        start.wait()
        while letter := outbox.lease(NOW, LEASE):
            leased.append(letter)
        return leased

    with ThreadPoolExecutor(workers) as pool:
        leased = [letter for share in pool.map(work, range(workers)) for letter in share]
    times = Counter(one.letter.id for one in leased)
    assert len(times) == 2 * accounts
    assert set(times.values()) == {1}
    assert len({one.letter.lease for one in leased}) == len(leased)
    assert all(Outbox(real_users).settle(one, NOW) for one in leased)
    assert not Outbox(real_users).waiting(NOW)


def test_the_stats_show_the_number_and_age_of_due_letters(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    assert outbox.stats(NOW) == QueueStats()
    register(users)
    register(users, BOB, NOW + MINUTE)
    now = NOW + HOUR
    assert outbox.stats(now) == QueueStats(owed=2, due=2, overdue=3600, oldest=3600)
    leased = outbox.lease(now, HOUR)
    assert leased
    assert outbox.stats(now) == QueueStats(owed=2, due=1, overdue=3540, oldest=3600)
    assert outbox.block(leased, NOW, now + MINUTE, "no", Trouble.REFUSED)
    assert outbox.stats(now).blocked == 1
    leased = outbox.lease(now, HOUR)
    assert leased
    assert outbox.refuse(leased, "no such mailbox", NOW, Refusal.NO_SUCH_MAILBOX)
    assert outbox.stats(now) == QueueStats(owed=1, blocked=1, oldest=3600)


# Kinds that only a newer version knows


def owe_unknown(collection: Users, user: User, trouble: str | None = None) -> str:
    """A letter of a kind that this version does not know, due before any other one; its id."""
    letter = owe(LetterKind.RESET, BEFORE).document()
    newer = {"kind": "invitation", "trouble": trouble, "invited_by": "somebody"}
    first = {"$each": [letter | newer], "$position": 0}
    collection.update_one({"_id": user.id}, {"$push": {"outbox": first}})
    return str(letter["id"])


def test_a_letter_of_an_unknown_kind_is_never_leased(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    owe_unknown(collection, without_confirmation(users, outbox))
    with nothing_changes(collection):
        assert outbox.lease(NOW, LEASE) is None
        assert outbox.lease(NOW + 999 * HOUR, LEASE) is None
    assert outbox.waiting(NOW)
    assert outbox.stats(NOW).owed == 1


def test_a_letter_of_an_unknown_kind_does_not_delay_the_others(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user = register(users)
    unknown = owe_unknown(collection, user)
    leased = taken(outbox)
    assert leased.letter.kind == LetterKind.CONFIRM
    assert outbox.settle(leased, NOW)
    assert outbox.lease(NOW, LEASE) is None
    (left,) = letters(collection, user)
    assert (left["id"], left["attempts"], left["lease"]) == (unknown, 0, None)


def test_a_letter_of_an_unknown_kind_is_shown_to_administrators(
    users: UserRepository, outbox: Outbox, collection: Users
) -> None:
    user = without_confirmation(users, outbox)
    overview = backend_of(collection.database).outbox_overview(collection)
    owe_unknown(collection, user)
    (due,) = overview.due(NOW).first
    assert (due.account, due.letter.kind) == (user.id, "invitation")
    troubled = owe_unknown(collection, user, trouble="421 later")
    listed = overview.in_retry()
    assert ([one.letter.id for one in listed.first], listed.kinds) == (
        [troubled],
        {"invitation": 1},
    )
    person = AccountSearch(collection).person(str(user.id))
    assert person
    assert [letter.kind for letter in person.letters] == ["invitation"] * 2
    assert [letter.id for letter in person.troubled] == [troubled]
    assert overview.retry(user.id, troubled, NOW)
    assert overview.retry_all("invitation", NOW) == 1
    assert outbox.lease(NOW, LEASE) is None
