"""The search of administrators for accounts, on mongomock and on a real mongod."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.users.account_search import PAGE_SIZE, AccountFilter, AccountSearch, CursorError
from app.users.addresses import parse_address
from app.users.documents import random_id
from app.users.repository import UserRepository
from tests.commands import commands
from tests.users.conftest import (
    ADA,
    HOME,
    MINUTE,
    NOW,
    Users,
    confirm,
    new_session,
    opened,
    register,
)


def account(number: int, **fields: Any) -> dict[str, Any]:
    """A document of an account; groups of three have the same time."""
    return {
        "_id": random_id(),
        "email": f"person{number}@example.com",
        "email_key": f"person{number}@example.com",
        "password_hash": "hash",
        "registered_on": NOW - timedelta(minutes=number // 3),
        "confirmed": bool(number % 2),
        "confirmed_on": NOW if number % 2 else None,
        "token_version": 1,
        "admin": False,
    } | fields


def emails(search: AccountSearch, **asked: Any) -> list[str]:
    return [person.user.email for person in search.page(**asked).people]


def walk(search: AccountSearch, **asked: Any) -> list[str]:
    """Every page, newest to oldest."""
    found, after = [], ""
    while True:
        page = search.page(after=after, **asked)
        found += [person.user.email for person in page.people]
        if not page.older:
            return found
        after = page.older


def test_pages_neither_skip_nor_repeat(collection: Users) -> None:
    collection.insert_many([account(number) for number in range(130)])
    search = AccountSearch(collection)
    found = walk(search)
    assert len(found) == len(set(found)) == 130
    assert len(search.page().people) == PAGE_SIZE
    by_age = [int(email.partition("@")[0][6:]) // 3 for email in found]
    assert by_age == sorted(by_age), "newest first"


def test_pages_neither_skip_nor_repeat_while_accounts_are_added(collection: Users) -> None:
    collection.insert_many([account(number) for number in range(100)])
    search = AccountSearch(collection)
    first = search.page()
    newer = {"registered_on": NOW + MINUTE}
    collection.insert_many([account(number, **newer) for number in range(200, 210)])
    second = search.page(after=first.older)
    seen = [person.user.email for person in (*first.people, *second.people)]
    assert sorted(seen) == sorted(f"person{number}@example.com" for number in range(100))


@pytest.mark.parametrize(
    "after", ["x", "1", "1-", "1-zzz", "-1-" + "0" * 24, "9" * 30 + "-" + "0" * 24, "1-" + "0" * 25]
)
def test_a_bad_cursor_is_refused(collection: Users, after: str) -> None:
    with pytest.raises(CursorError):
        AccountSearch(collection).page(after=after)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("person1", {"person1@example.com"}),
        ("PERSON1@EX", {"person1@example.com"}),
        (" person1 ", {"person1@example.com"}),
        ("ｐerson1", {"person1@example.com"}),
        ("a.b", {"a.b@example.org"}),
        ("a+b", {"a+b@example.org"}),
        ("@bücher", {"ida@bücher.example"}),
        ("büch", {"ida@bücher.example"}),
        ("A@BÜC", {"ida@bücher.example"}),
        ("xn--bcher", {"ida@bücher.example"}),
        (".*", set()),
        ("a?b", set()),
        ("[a-z]", set()),
        ("\\", set()),
        ("%", set()),
        ("\x00", set()),
        ("deleted:", set()),
    ],
)
def test_typed_text_is_literal(collection: Users, part: str, expected: set[str]) -> None:
    for typed in ("person1@example.com", "a.b@example.org", "a+b@example.org", "axb@example.org"):
        collection.insert_one(account(1, email=typed, email_key=typed))
    key = parse_address("ida@bücher.example").key
    collection.insert_one(account(1, email="ida@bücher.example", email_key=key))
    collection.insert_one(account(1, email="", email_key=f"deleted:{random_id()}"))
    assert set(emails(AccountSearch(collection), part=part)) == expected


@pytest.mark.parametrize("typed", ["ida@straße.example", "ida@ελλάς.example", "i@a.bücher.example"])
def test_a_search_finds_a_domain_by_any_of_its_parts(collection: Users, typed: str) -> None:
    key = parse_address(typed).key
    collection.insert_one(account(1, email=typed, email_key=key))
    search, domain = AccountSearch(collection), typed.partition("@")[2]
    for part in (typed, typed.title(), domain, f"@{domain}", key):
        assert emails(search, part=part) == [typed]
    label = max(domain.split("."), key=lambda label: not label.isascii())
    for part in (label, f"{label}.", f"{label}.exam"):
        assert emails(search, part=part) == [typed]
    assert emails(search, part=f"..{label}") == []


@pytest.mark.parametrize("part", ["a" * 100_000, "é" * 100_000, "\ufdfa" * 100, "@" * 300])
def test_a_search_text_longer_than_an_address_finds_nothing(collection: Users, part: str) -> None:
    collection.insert_one(account(1))
    assert emails(AccountSearch(collection), part=part) == []


@pytest.mark.parametrize("part", ["é", ".é", "@é.", "-é-", "a@é@b", "é" * 100, "xn--é", "\u0301"])
def test_a_search_for_an_invalid_domain_finds_nothing(collection: Users, part: str) -> None:
    collection.insert_one(account(1))
    assert emails(AccountSearch(collection), part=part) == []


@given(data=st.data())
def test_pages_neither_skip_nor_repeat_while_accounts_are_added_and_removed(
    data: st.DataObject,
) -> None:
    """The account at the end of a page, which the cursor names, is removed, too."""
    with opened("mongomock://localhost/latchkey") as collection:
        ages = st.integers(0, 6)  # few: many are of the same moment
        start = data.draw(st.lists(ages, min_size=PAGE_SIZE, max_size=2 * PAGE_SIZE + 20))
        _arrive(collection, 0, start)
        there_all_along = {document["email"] for document in collection.find()}
        seen, after, number = [], "", len(start)
        while True:
            page = AccountSearch(collection).page(after=after)
            seen += [person.user.email for person in page.people]
            if not page.older:
                break
            after = page.older
            come = data.draw(st.lists(ages, max_size=5))
            _arrive(collection, number, come)
            number += len(come)
            gone = data.draw(st.sets(st.sampled_from(seen[-5:]), max_size=3))
            gone |= {document["email"] for document in collection.find().limit(len(come))}
            collection.delete_many({"email": {"$in": sorted(gone)}})
            there_all_along -= gone
        assert len(seen) == len(set(seen))
        assert there_all_along <= set(seen)


def _arrive(collection: Users, first: int, ages: list[int]) -> None:
    for number, age in enumerate(ages, first):
        collection.insert_one(account(number, registered_on=NOW - age * MINUTE))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (AccountFilter.ALL, {"waiting", "confirmed", "admin", "disabled", "refused"}),
        (AccountFilter.WAITING, {"waiting", "refused"}),
        (AccountFilter.CONFIRMED, {"confirmed", "admin", "disabled"}),
        (AccountFilter.ADMINISTRATORS, {"admin"}),
        (AccountFilter.DISABLED, {"disabled"}),
        (AccountFilter.REFUSED, {"refused"}),
    ],
)
def test_each_state_has_its_list(
    collection: Users, state: AccountFilter, expected: set[str]
) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "waiting": {"confirmed": False},
        "confirmed": {"confirmed": True},
        "admin": {"confirmed": True, "admin": True},
        "disabled": {"confirmed": True, "disabled_on": NOW},
        "refused": {"confirmed": False, "confirm_mail": _mail("550 no such mailbox")},
    }
    for name, fields in kinds.items():
        collection.insert_one(account(0, email=name, email_key=name, **fields))
    assert set(emails(AccountSearch(collection), state=state)) == expected


def _mail(refused: str) -> dict[str, Any]:
    return {"id": "x", "asked_on": NOW, "sent_on": None, "refused": refused}


def test_a_found_account_has_its_letters_and_activity(
    users: UserRepository, collection: Users
) -> None:
    user = confirm(users, register(users))
    users.sign_in(user, new_session())
    person = AccountSearch(collection).person(str(user.id))
    assert person
    assert person.user.email == ADA.typed
    assert [event.kind for event in person.events] == ["signed_in", "confirmed", "registered"]
    assert [letter.kind for letter in person.letters] == ["confirm"]
    assert person.troubled == ()


@pytest.mark.parametrize("name", ["", "x", "0" * 24, "0" * 23, "\x00", "a" * 1000])
def test_an_unknown_id_finds_no_account(collection: Users, name: str) -> None:
    assert AccountSearch(collection).person(name) is None


def test_a_deleted_account_is_not_found(users: UserRepository, collection: Users) -> None:
    user = confirm(users, register(users))
    users.delete(user, NOW, HOME)
    assert AccountSearch(collection).person(str(user.id)) is None
    assert emails(AccountSearch(collection)) == []


@pytest.mark.parametrize("state", AccountFilter)
def test_a_page_reads_few_more_documents_than_it_shows(
    real_users: Users, state: AccountFilter
) -> None:
    """On a real mongod, with 3000 accounts, 500 of each state."""
    real_users.insert_many(
        [
            account(
                number,
                admin=number % 6 == 1,
                **({"disabled_on": NOW} if number % 6 == 3 else {}),
                **({"confirm_mail": _mail("550")} if number % 6 == 2 else {}),
            )
            for number in range(3000)
        ]
    )
    search = AccountSearch(real_users)
    after = search.page(state).older
    with commands.recorded() as sent:
        assert len(search.page(state, after=after).people) == PAGE_SIZE
    (command,) = sent
    asked = {name: command[name] for name in ("find", "filter", "sort", "limit", "projection")}
    explained = real_users.database.command("explain", asked, verbosity="executionStats")
    stats = explained["executionStats"]
    assert stats["totalDocsExamined"] <= PAGE_SIZE + 5
    assert stats["totalKeysExamined"] <= PAGE_SIZE + 10
