"""What only a real mongod can show: query plans, races, expiry, validation and durability."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError, WriteError

from app.mongo import connect
from app.users.addresses import Address
from app.users.clock import utcnow
from app.users.documents import random_id
from app.users.last_admin_guard import GuardResult
from app.users.outbox import Blockage, Outbox
from app.users.refusals import Trouble
from app.users.refused_letters import RefusedAlike
from app.users.repository import UserRepository
from app.users.steps.change_email import EmailChange
from app.users.user import User
from scripts.mongod import Mongod
from tests.commands import commands
from tests.parallel import both_in_parallel, in_parallel
from tests.processes import wait_until
from tests.users.conftest import (
    ADA,
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
    nothing_changes,
    opened,
    register,
    stored,
)
from tests.users.conftest import sent as all_delivered

NONE_AT_ALL = timedelta(0)
ROUNDS = 25  # of a race


@pytest.fixture
def collection(real_users: Users) -> Users:
    """Makes `users` and `outbox` use only a real mongod."""
    return real_users


def numbered(n: int) -> Address:
    return replace(ADA, key=f"{n}@example.com")


# Query plans of the commands that the steps really send


def plan(collection: Users, step: Callable[[], object]) -> dict[str, Any]:
    """The query plan of the only command of a step."""
    with commands.recorded() as sent:
        step()
    (command,) = sent
    general = {"lsid", "txnNumber", "$db", "$clusterTime", "maxTimeMS", "writeConcern"}
    asked = {name: value for name, value in command.items() if name not in general}
    explained: dict[str, Any] = collection.database.command("explain", asked)
    return explained


def stages(explained: Any) -> Iterator[dict[str, Any]]:
    """Every stage of the winning plan."""
    if isinstance(explained, dict) and "stage" in explained:
        yield explained
    for inner in explained.values() if isinstance(explained, dict) else explained:
        if isinstance(inner, (dict, list)):
            yield from stages(inner)


def indexes_used(explained: dict[str, Any]) -> set[str]:
    """The names of the indexes of a plan; fails if it scans the collection or sorts."""
    winning = list(stages(explained["queryPlanner"]["winningPlan"]))
    assert not {stage["stage"] for stage in winning} & {"COLLSCAN", "SORT"}
    by_id = {"_id_" for stage in winning if stage["stage"] == "IDHACK"}
    return by_id | {stage["indexName"] for stage in winning if "indexName" in stage}


def add_accounts(collection: Users, number: int, *letters: dict[str, Any], first: int = 0) -> None:
    """Confirmed accounts that are owed these letters."""
    collection.insert_many(
        {
            "_id": random_id(),
            "email": f"{n}@example.org",
            "email_key": f"{n}@example.org",
            "password_hash": "hash",
            "registered_on": NOW,
            "confirmed": True,
            "confirmed_on": NOW,
            "token_version": 1,
            "admin": False,
            "outbox": [{**letter, "id": str(n)} for letter in letters],
        }
        for n in range(first, first + number)
    )


@pytest.mark.parametrize("letters", [(), ({"due_on": None},), ({"due_on": NOW + HOUR},)])
def test_a_lease_reads_one_account_among_many_without_due_letters(
    collection: Users, users: UserRepository, outbox: Outbox, letters: tuple[dict[str, Any], ...]
) -> None:
    add_accounts(collection, 2000, *letters)
    register(users)
    register(users, numbered(1))
    explained = plan(collection, lambda: outbox.lease(NOW, MINUTE))
    assert indexes_used(explained) == {"outbox_due"}
    assert explained["executionStats"]["totalKeysExamined"] <= 2
    assert explained["executionStats"]["totalDocsExamined"] == 1, (
        "only the account with the due letter"
    )


def test_an_idle_worker_reads_no_account(collection: Users, outbox: Outbox) -> None:
    add_accounts(collection, 2000)
    explained = plan(collection, lambda: outbox.lease(NOW, MINUTE))
    assert explained["executionStats"]["totalKeysExamined"] <= 1
    assert explained["executionStats"]["totalDocsExamined"] == 0


def test_a_lease_reads_one_account_in_a_long_queue(collection: Users, outbox: Outbox) -> None:
    entry = {"kind": "account_exists", "owed_on": NOW, "message_id": "1", "attempts": 0}
    add_accounts(collection, 2000, {**entry, "due_on": NOW, "lease": None})
    explained = plan(collection, lambda: outbox.lease(NOW, MINUTE))
    assert indexes_used(explained) == {"outbox_due"}
    assert explained["executionStats"]["totalKeysExamined"] <= 2
    assert explained["executionStats"]["totalDocsExamined"] == 1


def test_the_reason_for_blocked_mail_is_found_by_an_index(
    collection: Users, users: UserRepository, outbox: Outbox
) -> None:
    entry = {"kind": "account_exists", "owed_on": NOW, "message_id": "1", "attempts": 0}
    add_accounts(collection, 2000, {**entry, "due_on": NOW, "lease": None})
    assert indexes_used(plan(collection, outbox.blocked)) == {"outbox_trouble"}
    leased = outbox.lease(NOW, MINUTE)
    assert leased
    assert outbox.block(leased, NOW, NOW + MINUTE, "535 bad login", Trouble.REFUSED)
    assert outbox.blocked() == Blockage("535 bad login", Trouble.REFUSED)
    assert plan(collection, outbox.blocked)["executionStats"]["totalDocsExamined"] == 1


def test_letters_that_were_refused_alike_are_found_however_many_were_refused(
    collection: Users,
) -> None:
    entry = {"kind": "account_exists", "owed_on": NOW, "message_id": "1", "due_on": None, "to": ""}
    refused = {"trouble": "550 no", "refused_on": NOW}
    add_accounts(collection, 2000, {**entry, **refused, "alike": "550 no"})
    add_accounts(collection, 2, {**entry, **refused, "alike": "550 other"}, first=2000)
    net = RefusedAlike(collection)
    explained = plan(collection, lambda: net.is_about_us("550 other", "ada@example.org", NOW))
    assert indexes_used(explained) == {"outbox_alike"}
    assert explained["executionStats"]["totalDocsExamined"] == 2


def test_the_letter_that_has_been_due_longest_is_leased_first(
    users: UserRepository, outbox: Outbox
) -> None:
    for n, minutes in enumerate([3, 1, 2]):
        register(users, numbered(n), NOW + minutes * MINUTE)
    keys = []
    while leased := outbox.lease(NOW + HOUR, HOUR):
        keys.append(leased.user.email_key)
    assert keys == ["1@example.com", "2@example.com", "0@example.com"]


def test_every_lookup_uses_an_index(collection: Users, users: UserRepository) -> None:
    add_accounts(collection, 50)
    user = register(users)
    look_ups: dict[Callable[[], object], str] = {
        partial(users.find, user.id): "_id_",
        partial(users.find_by_email, user.email_key): "email_key",
        partial(users.find_by_session, user.id, user.sessions[0].id): "_id_",
    }
    for look_up, index in look_ups.items():
        explained = plan(collection, look_up)
        assert indexes_used(explained) == {index}
        assert explained["executionStats"]["totalDocsExamined"] == 1


def test_every_write_uses_an_index(collection: Users, users: UserRepository) -> None:
    add_accounts(collection, 50)
    user, now = register(users), NOW + HOUR
    session = user.sessions[0].id
    steps: list[Callable[[], object]] = [
        partial(users.register, ADA, "hash", new_session(), WEEK),
        partial(users.resend, user, now, NONE_AT_ALL),
        partial(users.sign_in, user, new_session()),
        partial(users.touch, user.id, session, now),
        partial(users.sign_out, user.id, session),
        partial(users.confirm, user, 1, now, HOME),
        partial(users.owe_account_exists, user.email_key, now, HOUR),
    ]
    for step in steps:
        assert_one_by_an_index(plan(collection, step))


def assert_one_by_an_index(explained: dict[str, Any]) -> None:
    assert indexes_used(explained) in ({"_id_"}, {"email_key"})
    assert explained["executionStats"]["totalDocsExamined"] <= 1


def test_every_step_on_a_confirmed_account_is_one_command_that_uses_an_index(
    collection: Users, users: UserRepository
) -> None:
    add_accounts(collection, 50)
    user, session = confirm(users, register(users)), new_session()
    moved = move(users, confirm(users, register(users, numbered(1))), numbered(2))
    pending = ask(users, moved, numbered(3)).pending_email
    assert pending
    steps: list[Callable[[], object]] = [
        partial(users.refuse_sign_in, user.id, NOW, HOME),
        partial(users.ask_reset, user.email_key, NOW, HOME),
        partial(users.reset_password, user, 1, "hash", NOW, HOME),
        partial(users.change_password, user, "hash", session, NOW),
        partial(users.end_session, user, session.id, NOW, HOME),
        partial(users.end_other_sessions, user, session.id, NOW, HOME),
        partial(users.ask_email_change, user, numbered(4), NOW, HOME),
        partial(users.cancel_email_change, user, NOW, HOME),
        partial(users.change_email, moved, pending, NOW, HOME, WEEK),
        partial(users.undo_email_change, moved, moved.former_emails[0], NOW, HOME),
        partial(users.activity, user),
        partial(users.export, user, NOW, HOME),
    ]
    for step in steps:
        assert_one_by_an_index(plan(collection, step))


def ask(users: UserRepository, user: User, address: Address) -> User:
    """Requests a change of address and returns the account."""
    assert users.ask_email_change(user, address, NOW, HOME)
    return found(users, user)


def change(users: UserRepository, user: User) -> EmailChange:
    """Confirms the pending change."""
    assert user.pending_email
    return users.change_email(user, user.pending_email, NOW, HOME, WEEK)


def move(users: UserRepository, user: User, address: Address) -> User:
    """Changes the address of the account and returns it."""
    assert change(users, ask(users, user, address)) is EmailChange.DONE
    return found(users, user)


# What the database enforces


def test_two_documents_cannot_have_one_address(collection: Users, users: UserRepository) -> None:
    document = stored(collection, register(users))
    with pytest.raises(DuplicateKeyError):
        collection.insert_one({**document, "_id": random_id()})


@pytest.mark.parametrize(
    "wrong",
    [
        {"confirmed": "yes"},
        {"confirmed": 1},
        {"confirmed_on": "today"},
        {"admin": None},
        {"token_version": "1"},
        {"token_version": -1},
        {"email": 1},
        {"email_key": None},
        {"password_hash": b"hash"},
        {"registered_on": "2026-11-24"},
    ],
    ids=str,
)
def test_the_validator_refuses_an_invalid_account(
    collection: Users, users: UserRepository, wrong: dict[str, Any]
) -> None:
    user = register(users)
    with pytest.raises(WriteError) as refusal:
        collection.update_one({"_id": user.id}, {"$set": wrong})
    assert refusal.value.code == 121  # DocumentValidationFailure


def test_the_validator_needs_every_required_field(collection: Users, users: UserRepository) -> None:
    document = stored(collection, register(users))
    collection.delete_many({})
    for field in ("email", "email_key", "password_hash", "registered_on", "token_version"):
        with pytest.raises(WriteError):
            collection.insert_one({name: document[name] for name in document if name != field})


def test_mongodb_deletes_expired_unconfirmed_accounts_and_no_others(
    mongod: Mongod,
) -> None:
    """A second mongod, whose TTL monitor runs every second and not once a minute."""
    del mongod  # the fixture skips or fails the test on a machine without MongoDB
    every_second = {"ttlMonitorSleepSecs": 1}
    with (
        tempfile.TemporaryDirectory(prefix="latchkey-") as folder,
        Mongod.start(Path(folder) / "mongodb", parameters=every_second) as server,
        opened(server.uri("latchkey")) as collection,
    ):
        users, long_ago = UserRepository(collection), utcnow() - 2 * WEEK
        kept = [
            confirm(users, register(users, numbered(1), long_ago)).id,
            register(users, numbered(2), utcnow()).id,
        ]
        expired = register(users, numbered(3), long_ago)
        assert users.create_admin(numbered(4), "hash", long_ago)
        wait_until(lambda: users.find(expired.id) is None)
        assert all(users.find(_id) for _id in kept)
        assert users.find_by_email(numbered(4).key)


# Races


def test_200_parallel_registrations_of_one_address_make_one_account(real_uri: str) -> None:
    # Many processes would have as many connections and as much time.
    crowd = "&maxPoolSize=200&timeoutMS=30000&socketTimeoutMS=30000&waitQueueTimeoutMS=30000"
    with opened(real_uri + crowd) as collection:
        users = UserRepository(collection)
        in_parallel(*[partial(users.find_by_email, ADA.key)] * 200)  # opens the connections
        attempt = partial(users.register, ADA, "hash")
        results = in_parallel(*[partial(attempt, new_session(), WEEK) for _ in range(200)])
        claims = [claim for claim in results if claim]
        assert sorted(claim.token_version for claim in claims) == list(range(1, 201))
        newest = max(claims, key=lambda claim: claim.token_version)
        assert found(users, newest) == newest
        assert collection.count_documents({}) == 1
        document = stored(collection, newest)
        assert len(document["sessions"]) == len(document["events"]) == len(document["devices"]) == 1
        assert newest.confirm_mail is not None
        assert document["outbox"][-1]["id"] == newest.confirm_mail.id, (
            "the letter of the newest link is owed"
        )
        assert len(document["outbox"]) == 50, "at most 50 letters are kept"
        assert not any(users.confirm(newest, version, NOW, HOME) for version in range(200))
        assert users.confirm(newest, 200, NOW, HOME)


def test_parallel_first_registrations_never_report_a_taken_address(
    users: UserRepository,
) -> None:
    for n in range(ROUNDS):
        attempt = partial(users.register, numbered(n), "hash", new_session(), WEEK)
        claims = [claim for claim in in_parallel(*[attempt] * 6) if claim]
        assert sorted(claim.token_version for claim in claims) == [1, 2, 3, 4, 5, 6]
        assert len({claim.id for claim in claims}) == 1


def test_parallel_registrations_of_a_confirmed_address_change_nothing(
    collection: Users, users: UserRepository
) -> None:
    user = confirm(users, register(users))
    attempt = partial(users.register, ADA, "other", new_session(), WEEK)
    with nothing_changes(collection):
        assert in_parallel(*[attempt] * 20) == [None] * 20
    owed = in_parallel(*[partial(users.owe_account_exists, user.email_key, NOW, HOUR)] * 20)
    assert owed.count(True) == 1


def test_one_of_several_parallel_resends_succeeds(collection: Users, users: UserRepository) -> None:
    for n in range(ROUNDS):
        user = register(users, numbered(n))
        won = in_parallel(*[partial(users.resend, user, NOW, NONE_AT_ALL)] * 4)
        assert won.count(True) == 1
        assert found(users, user).token_version == 2
        assert len(stored(collection, user)["outbox"]) == 2


def test_parallel_resends_that_read_the_newest_state_get_a_version_each(
    users: UserRepository,
) -> None:
    user = register(users)
    ticks = count(1)

    def resend() -> bool:
        return users.resend(found(users, user), NOW + next(ticks) * SECOND, NONE_AT_ALL)

    won = [won for _ in range(ROUNDS) for won in in_parallel(resend, resend)]
    assert found(users, user).token_version == 1 + won.count(True)
    assert won.count(True) >= ROUNDS


def test_a_confirmation_during_a_resend_succeeds_or_is_superseded(users: UserRepository) -> None:
    for n in range(ROUNDS):
        user = register(users, numbered(n))
        confirmed, resent = in_parallel(
            partial(users.confirm, user, 1, NOW, HOME),
            partial(users.resend, user, NOW, NONE_AT_ALL),
        )
        fresh = found(users, user)
        assert confirmed is not resent
        assert (fresh.confirmed, fresh.token_version) == (confirmed, 2 if resent else 1)
        assert fresh.confirmed or users.confirm(fresh, 2, NOW, HOME)


def test_a_confirmation_during_a_takeover_never_confirms_the_other_registration(
    users: UserRepository,
) -> None:
    """The confirmed account has the password of the registration that won."""
    for n in range(ROUNDS):
        user = register(users, numbered(n), password_hash="earlier")
        confirmed, newer = both_in_parallel(
            partial(users.confirm, user, 1, NOW, HOME),
            partial(users.register, numbered(n), "newer", new_session(), WEEK),
        )
        winner, fresh = newer or user, found(users, user)
        assert confirmed is (newer is None)
        assert fresh.confirmed is confirmed
        assert fresh.password_hash == winner.password_hash
        assert fresh.sessions == winner.sessions


def test_one_of_several_parallel_confirmations_succeeds(
    collection: Users, users: UserRepository
) -> None:
    user = register(users)
    won = in_parallel(*[partial(users.confirm, user, 1, NOW, HOME, new_session())] * 8)
    assert won.count(True) == 1
    assert len(found(users, user).sessions) == 2
    assert len(stored(collection, user)["events"]) == 2


def test_a_confirmation_during_a_disowning_leaves_one_result(users: UserRepository) -> None:
    for n in range(ROUNDS):
        user = register(users, numbered(n))
        confirmed, removed = in_parallel(
            partial(users.confirm, user, 1, NOW, HOME),
            partial(users.disown, user.id, user.email_key, 1, NOW),
        )
        assert confirmed is not removed
        assert (users.find(user.id) is None) is removed


def test_a_sign_in_during_a_takeover_leaves_no_earlier_session(
    users: UserRepository,
) -> None:
    for n in range(ROUNDS):
        user = register(users, numbered(n), password_hash="earlier")
        _signed_in, newer = both_in_parallel(
            partial(users.sign_in, user, new_session()),
            partial(users.register, numbered(n), "newer", new_session(), WEEK),
        )
        assert newer
        assert found(users, user).sessions == newer.sessions


def test_parallel_sign_ins_and_sign_outs_lose_no_session(users: UserRepository) -> None:
    user, sessions = register(users), [new_session() for _ in range(16)]
    assert all(in_parallel(*[partial(users.sign_in, user, entry) for entry in sessions]))
    in_parallel(*[partial(users.sign_out, user.id, entry.id) for entry in sessions[:8]])
    left = {entry.id for entry in found(users, user).sessions}
    assert left == {entry.id for entry in [*user.sessions, *sessions[8:]]}


# Races of a confirmed account


@pytest.fixture
def confirmed(users: UserRepository) -> Callable[[], User]:
    """Makes confirmed accounts, each with an address of its own."""
    numbers = count(1)
    return lambda: confirm(users, register(users, numbered(next(numbers))))


def test_parallel_confirmations_of_different_changes_never_set_the_wrong_address(
    users: UserRepository, confirmed: Callable[[], User]
) -> None:
    for n in range(1000, 1000 + ROUNDS):
        first = ask(users, confirmed(), numbered(n))
        second = ask(users, first, numbered(n + ROUNDS))
        assert first.pending_email
        assert second.pending_email
        # Interleaving could make a link with the address of one and the version of the other.
        mixed = replace(second.pending_email, email_key=first.pending_email.email_key)
        done = in_parallel(
            partial(change, users, first),
            partial(change, users, second),
            partial(users.change_email, second, mixed, NOW, HOME, WEEK),
        )
        assert done == [EmailChange.STALE, EmailChange.DONE, EmailChange.STALE]
        assert found(users, first).email_key == numbered(n + ROUNDS).key


def test_a_confirmation_during_another_request_confirms_only_the_address_of_its_link(
    users: UserRepository, confirmed: Callable[[], User]
) -> None:
    for n in range(1000, 1000 + ROUNDS):
        first = ask(users, confirmed(), numbered(n))
        done, asked = in_parallel(
            partial(change, users, first),
            partial(users.ask_email_change, first, numbered(n + ROUNDS), NOW, HOME),
        )
        fresh, changed = found(users, first), done is EmailChange.DONE
        assert asked
        assert fresh.email_key == (numbered(n).key if changed else first.email_key)
        assert len(fresh.former_emails) == changed
        assert fresh.pending_email
        assert fresh.pending_email.email_key == numbered(n + ROUNDS).key


def test_parallel_confirmations_of_one_change_count_once(
    collection: Users, users: UserRepository, confirmed: Callable[[], User]
) -> None:
    user = ask(users, confirmed(), numbered(1000))
    done = in_parallel(*[partial(change, users, user)] * 8)
    assert done.count(EmailChange.DONE) == 1
    assert done.count(EmailChange.STALE) == 7
    assert len(found(users, user).former_emails) == 1


def test_a_confirmed_change_wins_over_a_parallel_registration_of_that_address(
    collection: Users, users: UserRepository, confirmed: Callable[[], User]
) -> None:
    """The confirmed change wins, whichever write reaches the unique index first."""
    for n in range(1000, 1000 + ROUNDS):
        user = ask(users, confirmed(), numbered(n))
        done, _claim = in_parallel(
            partial(change, users, user),
            partial(users.register, numbered(n), "hash", new_session(), WEEK),
        )
        assert done is EmailChange.DONE
        assert users.find_by_email(numbered(n).key) == found(users, user)
        assert collection.count_documents({"email_key": numbered(n).key}) == 1


def test_two_accounts_that_confirm_one_address_at_the_same_moment_never_share_it(
    collection: Users, users: UserRepository, confirmed: Callable[[], User]
) -> None:
    for n in range(1000, 1000 + ROUNDS):
        user, claim = ask(users, confirmed(), numbered(n)), register(users, numbered(n))
        done, theirs = in_parallel(
            partial(change, users, user), partial(users.confirm, claim, 1, NOW, HOME)
        )
        assert done is (EmailChange.TAKEN if theirs else EmailChange.DONE)
        winner = users.find_by_email(numbered(n).key)
        assert winner
        assert winner.confirmed
        assert winner.id == (claim.id if theirs else user.id)
        assert collection.count_documents({"email_key": numbered(n).key}) == 1


def test_two_accounts_that_change_to_one_address_never_share_it(
    users: UserRepository, confirmed: Callable[[], User]
) -> None:
    for n in range(1000, 1000 + ROUNDS):
        ours, theirs = (ask(users, confirmed(), numbered(n)) for _ in range(2))
        done = in_parallel(partial(change, users, ours), partial(change, users, theirs))
        assert sorted(result.value for result in done) == ["done", "taken"]
        winner, loser = (ours, theirs) if done[0] is EmailChange.DONE else (theirs, ours)
        assert users.find_by_email(numbered(n).key) == found(users, winner)
        assert found(users, loser) == loser


def test_an_undo_during_the_next_change_leaves_one_result(
    users: UserRepository, confirmed: Callable[[], User]
) -> None:
    for n in range(1000, 1000 + ROUNDS):
        thief = ask(users, move(users, confirmed(), numbered(n)), numbered(n + ROUNDS))
        (former,) = thief.former_emails
        undone, moved = in_parallel(
            partial(users.undo_email_change, thief, former, NOW, HOME),
            partial(change, users, thief),
        )
        assert {undone, moved} == {EmailChange.DONE, EmailChange.STALE}
        if undone is EmailChange.STALE:  # the page says so, and the link still works
            thief = found(users, thief)
            assert users.undo_email_change(thief, former, NOW, HOME) is EmailChange.DONE
        fresh = found(users, thief)
        assert (fresh.email_key, fresh.former_emails) == (former.email_key, ())


def test_a_parallel_reset_and_password_change_leave_one_password(
    users: UserRepository, confirmed: Callable[[], User]
) -> None:
    for _ in range(ROUNDS):
        user, session = confirmed(), new_session()
        users.ask_reset(user.email_key, NOW, HOME)
        reset, changed = in_parallel(
            partial(users.reset_password, user, 1, "reset", NOW, HOME),
            partial(users.change_password, user, "changed", session, NOW),
        )
        fresh = found(users, user)
        assert reset is not changed
        assert fresh.password_hash == ("reset" if reset else "changed")
        assert fresh.sessions == (() if reset else (session,))


def test_one_of_several_parallel_resets_succeeds(
    collection: Users, users: UserRepository, confirmed: Callable[[], User]
) -> None:
    user = confirmed()
    users.ask_reset(user.email_key, NOW, HOME)
    resets = [partial(users.reset_password, user, 1, str(n), NOW, HOME) for n in range(8)]
    won = in_parallel(*resets)
    assert won.count(True) == 1
    assert found(users, user).password_hash == str(won.index(True))


def test_after_a_reset_during_a_newer_request_only_the_newer_link_works(
    users: UserRepository, shared_users: Users, confirmed: Callable[[], User]
) -> None:
    for _ in range(ROUNDS):
        user = confirmed()
        users.ask_reset(user.email_key, NOW, HOME)
        all_delivered(shared_users, user)
        reset, _asked = in_parallel(
            partial(users.reset_password, user, 1, "reset", NOW, HOME),
            partial(users.ask_reset, user.email_key, NOW, HOME),
        )
        fresh = found(users, user)
        assert fresh.password_hash == ("reset" if reset else "hash")
        assert not users.reset_password(fresh, 1, "again", NOW, HOME)
        assert users.reset_password(fresh, 2, "newest", NOW, HOME)


def test_a_sign_in_during_a_password_change_leaves_no_session(
    users: UserRepository, confirmed: Callable[[], User]
) -> None:
    """A sign-in with the old password at the same moment ends, too."""
    for _ in range(ROUNDS):
        user, session = confirmed(), new_session()
        in_parallel(
            partial(users.sign_in, user, new_session()),
            partial(users.change_password, user, "changed", session, NOW),
        )
        assert found(users, user).sessions == (session,)


def test_a_deletion_during_a_password_change_deletes_or_does_nothing(
    users: UserRepository, confirmed: Callable[[], User]
) -> None:
    for _ in range(ROUNDS):
        user = confirmed()
        deleted, changed = in_parallel(
            partial(users.delete, user, NOW, HOME),
            partial(users.change_password, user, "changed", new_session(), NOW),
        )
        assert (deleted is GuardResult.DONE) is not changed
        assert (users.find(user.id) is None) is not changed


# Durability and timeouts


def test_every_write_waits_for_a_majority_and_the_journal(
    users: UserRepository, outbox: Outbox
) -> None:
    with commands.recorded() as sent:
        user = register(users)
        leased = outbox.lease(NOW, MINUTE)
        assert leased is not None
        outbox.postpone(leased, NOW, "451 later")
        users.resend(user, NOW + HOUR, MINUTE)
        confirm(users, found(users, user))
        users.sign_in(user, new_session())
        users.sign_out(user.id, "unknown")
        users.disown(user.id, user.email_key, 1, NOW)
        users.create_admin(numbered(1), "hash", NOW)
        ada = move(users, confirm(users, register(users, numbered(2))), numbered(3))
        users.ask_reset(ada.email_key, NOW, HOME)
        users.export(ada, NOW, HOME)
        users.delete(ada, NOW, HOME)
    writes = [command for command in sent if "find" not in command]
    assert len(writes) == 17
    for command in writes:
        concern = command["writeConcern"]
        assert (concern["w"], concern["j"]) == ("majority", True), command
        assert "txnNumber" in command, "the driver repeats it when the connection breaks"


@pytest.mark.parametrize("options", ["", "&w=1&journal=false", "&w=0"])
def test_a_uri_cannot_weaken_the_write_concern(real_uri: str, options: str) -> None:
    client: MongoClient[Any] = connect(real_uri + options).client
    assert client.write_concern.document == {"w": "majority", "j": True}
    client.close()


def test_every_timeout_is_shorter_than_a_page_may_take(real_uri: str) -> None:
    client: MongoClient[Any] = connect(real_uri).client
    options, pool = client.options, client.options.pool_options
    assert options.server_selection_timeout == 3
    assert options.timeout == 3.5
    assert (pool.connect_timeout, pool.socket_timeout, pool.wait_queue_timeout) == (2, 4, 2)
    client.close()


def test_the_uri_can_change_timeouts(real_uri: str) -> None:
    options = "&serverSelectionTimeoutMS=111&timeoutms=222&maxPoolSize=7"
    client: MongoClient[Any] = connect(real_uri + options).client
    assert client.options.server_selection_timeout == 0.111
    assert client.options.timeout == 0.222
    assert client.options.pool_options.max_pool_size == 7
    client.close()


def test_times_come_back_in_utc(users: UserRepository) -> None:
    now = utcnow()
    assert found(users, register(users, now=now)).registered_on == now
