"""There is always an administrator, even when administrators remove each other in parallel."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from app.users.addresses import parse_address
from app.users.documents import random_id
from app.users.events import Event, EventKind
from app.users.last_admin_guard import ACTIVE, GuardResult, LastAdminGuard
from app.users.repository import UserRepository
from app.users.user import User
from tests.users.conftest import HOME, NOW, Users, confirm, found, nothing_changes, register, remove

ROUNDS = 25
BY = "an administrator's id"

Removal = Callable[[UserRepository, User], GuardResult]
REMOVALS: dict[str, Removal] = {
    "withdraw": lambda users, user: users.withdraw(user, NOW, HOME, BY),
    "disable": lambda users, user: users.disable(user, NOW, HOME, BY),
    "remove": lambda users, user: remove(users, user, NOW, BY),
    "delete": lambda users, user: users.delete(user, NOW, HOME),
}
removals = pytest.mark.parametrize("removal", REMOVALS.values(), ids=REMOVALS)


@pytest.fixture(autouse=True)
def no_administrators(collection: Users) -> None:
    """Removes the document of the administrators before the test."""
    collection.database["administration"].delete_many({})


def administrator(users: UserRepository, name: str) -> User:
    address = parse_address(f"{name}@example.com")
    assert users.create_admin(address, "hash", NOW)
    user = users.find_by_email(address.key)
    assert user
    return user


def active(collection: Users) -> int:
    return collection.count_documents(ACTIVE)


@removals
def test_the_last_administrator_cannot_be_removed(
    users: UserRepository, collection: Users, removal: Removal
) -> None:
    root = administrator(users, "root")
    with nothing_changes(collection):
        assert removal(users, root) is GuardResult.LAST_ADMIN


@removals
def test_only_one_of_two_administrators_can_be_removed(
    users: UserRepository, collection: Users, removal: Removal
) -> None:
    one, other = administrator(users, "one"), administrator(users, "other")
    assert removal(users, one) is GuardResult.DONE
    assert removal(users, other) is GuardResult.LAST_ADMIN
    assert active(collection) == 1


def test_a_disabled_or_unconfirmed_administrator_does_not_count(
    users: UserRepository, collection: Users
) -> None:
    root, idle = administrator(users, "root"), administrator(users, "idle")
    assert users.disable(idle, NOW, HOME, BY) is GuardResult.DONE
    user = register(users)
    collection.update_one({"_id": user.id}, {"$set": {"admin": True}})
    assert users.withdraw(root, NOW, HOME, BY) is GuardResult.LAST_ADMIN
    assert users.enable(found(users, idle), NOW, HOME, BY)
    assert users.withdraw(root, NOW, HOME, BY) is GuardResult.DONE


def test_an_administrator_that_another_tool_made_counts(
    users: UserRepository, collection: Users
) -> None:
    root = administrator(users, "root")
    assert users.withdraw(root, NOW, HOME, BY) is GuardResult.LAST_ADMIN
    user = confirm(users, register(users))
    collection.update_one({"_id": user.id}, {"$set": {"admin": True}})
    assert users.withdraw(root, NOW, HOME, BY) is GuardResult.DONE
    assert active(collection) == 1


def test_a_removal_does_nothing_after_the_account_changed_meanwhile(
    users: UserRepository, collection: Users
) -> None:
    one, _other = administrator(users, "one"), administrator(users, "other")
    assert users.disable(one, NOW, HOME, BY) is GuardResult.DONE
    assert users.enable(found(users, one), NOW, HOME, BY)
    with nothing_changes(collection):
        assert users.withdraw(one, NOW, HOME, BY) is GuardResult.CHANGED
    assert users.withdraw(found(users, one), NOW, HOME, BY) is GuardResult.DONE


def test_after_a_crash_the_guard_allows_fewer_removals_and_never_more(
    users: UserRepository, collection: Users
) -> None:
    one, other = administrator(users, "one"), administrator(users, "other")

    def cut_off() -> bool:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        LastAdminGuard(collection).remove(one.id, one.admin_version, cut_off)
    assert users.withdraw(other, NOW, HOME, BY) is GuardResult.LAST_ADMIN, (
        "the first one does not count"
    )
    assert users.grant(one, NOW, HOME, BY), "made one once more, it does"
    assert users.withdraw(other, NOW, HOME, BY) is GuardResult.DONE
    assert active(collection) == 1


def test_two_removals_of_one_account_do_not_disturb_each_other(
    users: UserRepository, collection: Users
) -> None:
    """One with an older look at the account fails while the newer one is under way: the account
    must not count meanwhile, or the only other one could go."""
    one, other = administrator(users, "one"), administrator(users, "other")

    def meanwhile() -> bool:
        assert LastAdminGuard(collection).remove(one.id, one.admin_version, lambda: False) is (
            GuardResult.CHANGED
        )
        assert users.withdraw(other, NOW, HOME, BY) is GuardResult.LAST_ADMIN
        return True

    assert (
        LastAdminGuard(collection).remove(one.id, one.admin_version, meanwhile) is GuardResult.DONE
    )


def test_repeating_a_removal_repairs_a_crash(users: UserRepository, collection: Users) -> None:
    one, other = administrator(users, "one"), administrator(users, "other")

    def cut_off() -> bool:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        LastAdminGuard(collection).remove(one.id, one.admin_version, cut_off)
    assert users.disable(one, NOW, HOME, BY) is GuardResult.DONE
    assert users.enable(found(users, one), NOW, HOME, BY)
    assert users.withdraw(other, NOW, HOME, BY) is GuardResult.DONE
    assert active(collection) == 1


def test_an_account_granted_and_removed_at_the_same_moment_does_not_count(
    collection: Users,
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    removals: list[GuardResult] = []

    def remove_again(event: Event) -> None:
        """Starts after the grant has changed the account, before the grant is finished."""
        if event.kind == EventKind.ADMIN_GRANTED:
            pool.submit(
                lambda: removals.append(
                    LastAdminGuard(collection).remove(one.id, one.admin_version + 1, step)
                )
            )
            assert begun.wait(10)

    def step() -> bool:
        begun.set()
        assert go_on.wait(10)
        change = {"$set": {"admin": False}}
        return collection.update_one({"_id": one.id}, change).matched_count == 1

    users = UserRepository(collection, listener=remove_again)
    one, other = administrator(users, "one"), administrator(users, "other")
    with ThreadPoolExecutor(1) as pool:
        assert users.grant(one, NOW, HOME, BY)
        last = users.withdraw(other, NOW, HOME, BY)
        go_on.set()
    assert (removals, last) == ([GuardResult.DONE], GuardResult.LAST_ADMIN)
    assert active(collection) == 1


def test_an_account_that_does_not_exist_cannot_be_removed(
    users: UserRepository, collection: Users
) -> None:
    administrator(users, "root")
    assert LastAdminGuard(collection).remove(random_id(), 0, lambda: False) is GuardResult.CHANGED


class TestParallelRemovals:
    """Parallel removals on a real mongod."""

    @pytest.fixture
    def users(self, real_users: Users) -> UserRepository:
        real_users.database["administration"].delete_many({})
        return UserRepository(real_users)

    @pytest.fixture
    def collection(self, real_users: Users) -> Users:
        return real_users

    @removals
    def test_two_administrators_who_remove_each_other_leave_one(
        self, users: UserRepository, collection: Users, removal: Removal
    ) -> None:
        with ThreadPoolExecutor(2) as threads:
            for _ in range(ROUNDS):
                collection.delete_many({})
                two = [administrator(users, name) for name in ("one", "other")]
                done = list(threads.map(lambda user: removal(users, user), two))
                assert active(collection) == 1
                assert sorted(outcome.value for outcome in done) == ["done", "last administrator"]

    def test_many_administrators_who_remove_each_other_leave_at_least_one(
        self, users: UserRepository, collection: Users
    ) -> None:
        ways = list(REMOVALS.values())
        with ThreadPoolExecutor(8) as threads:
            for _ in range(ROUNDS):
                collection.delete_many({})
                many = [administrator(users, f"n{number}") for number in range(8)]
                list(threads.map(lambda n, m=many: ways[n % 4](users, m[n]), range(8)))
                assert active(collection) == 1

    def test_random_grants_and_withdrawals_leave_an_administrator(
        self, users: UserRepository, collection: Users
    ) -> None:
        """Each one reads first, as a page does, and may act on an outdated state."""
        chance = Random(7)  # noqa: S311 (no secret)
        steps: list[Callable[[User], object]] = [
            lambda user: users.withdraw(user, NOW, HOME, BY),
            lambda user: users.disable(user, NOW, HOME, BY),
            lambda user: users.enable(user, NOW, HOME, BY),
            lambda user: users.grant(user, NOW, HOME, BY),
        ]

        def act(turns: list[tuple[int, int]]) -> None:
            for who, what in turns:
                steps[what](found(users, three[who]))

        with ThreadPoolExecutor(4) as threads:
            for _ in range(ROUNDS):
                collection.delete_many({})
                three = [administrator(users, name) for name in ("one", "other", "third")]
                turns = [
                    [(chance.randrange(3), chance.randrange(4)) for _turn in range(6)]
                    for _thread in range(4)
                ]
                list(threads.map(act, turns))
                assert active(collection) >= 1
        known = collection.database["administration"].find_one() or {}
        assert known["leaving"] == [], "none is under way"
