"""Indexes and validator are created, compared and repaired."""

from typing import Any

import pytest
from pymongo.collection import Collection

from app.mongo import connect
from app.users import indexes
from app.users.backends import backend_of
from app.users.documents import random_id
from app.users.indexes import INDEXES, VALIDATOR, IndexConflict, State
from tests.users.conftest import NOW, Users

VALIDATOR_NAME = "schema validator"


@pytest.fixture(params=["mongomock", "mongod"])
def collection(request: pytest.FixtureRequest) -> Any:
    """A collection without any index, on mongomock and on MongoDB."""
    if request.param == "mongomock":
        return connect("mongomock://localhost/latchkey")["users"]
    return request.getfixturevalue("bare_users")


@pytest.fixture
def bare_users(real_uri: str) -> Any:
    """A collection without any index on a real mongod."""
    database = connect(real_uri)
    yield database["users"]
    database.client.close()


def applied(users: Users) -> dict[str, State]:
    return dict(indexes.apply(users.database))


def inspected(users: Users) -> dict[str, State]:
    return dict(indexes.inspect(users.database))


def all_of(state: State, users: Users, **but: State) -> dict[str, State]:
    names = [index.name for index in INDEXES]
    if backend_of(users.database).has_validators:
        names.append(VALIDATOR_NAME)
    return dict.fromkeys(names, state) | but


def account(email_key: str) -> dict[str, Any]:
    return {
        "_id": random_id(),
        "email": email_key,
        "email_key": email_key,
        "password_hash": "hash",
        "registered_on": NOW,
        "confirmed": True,
        "confirmed_on": NOW,
        "token_version": 1,
        "admin": False,
    }


def test_missing_indexes_are_created_once(collection: Users) -> None:
    assert applied(collection) == all_of(State.CREATED, collection)
    assert applied(collection) == all_of(State.UNCHANGED, collection)


def test_inspecting_names_missing_indexes_and_creates_none(collection: Users) -> None:
    for _ in range(2):
        assert inspected(collection) == all_of(State.CREATED, collection)
    assert set(collection.index_information()) <= {"_id_"}


def test_inspecting_finds_nothing_after_applying(collection: Users) -> None:
    applied(collection)
    assert inspected(collection) == all_of(State.UNCHANGED, collection)


def test_a_dropped_index_is_found_and_made_again(collection: Users) -> None:
    applied(collection)
    collection.drop_index("outbox_due")
    expected = all_of(State.UNCHANGED, collection, outbox_due=State.CREATED)
    assert inspected(collection) == expected
    assert applied(collection) == expected
    assert inspected(collection) == all_of(State.UNCHANGED, collection)


DRIFT: list[tuple[str, list[tuple[str, int]], dict[str, Any]]] = [
    ("email_key", [("email_key", 1)], {}),  # no longer unique
    ("email_key", [("email", 1)], {"unique": True}),
    ("outbox_due", [("outbox.due_on", 1)], {}),
    ("outbox_due", [("outbox.due_on", -1)], {"sparse": True}),
    ("expire_unconfirmed", [("expires_on", 1)], {"expireAfterSeconds": 60}),
    ("newest", [("registered_on", -1)], {}),
]


@pytest.mark.parametrize(("name", "keys", "options"), DRIFT)
def test_an_altered_index_is_found_and_repaired(
    collection: Users, name: str, keys: list[tuple[str, int]], options: dict[str, Any]
) -> None:
    applied(collection)
    collection.drop_index(name)
    collection.create_index(keys, name=name, **options)
    expected = all_of(State.UNCHANGED, collection, **{name: State.CHANGED})
    assert inspected(collection) == expected
    assert applied(collection) == expected
    assert inspected(collection) == all_of(State.UNCHANGED, collection)


@pytest.mark.parametrize("unique", [False, True])
def test_the_same_index_under_another_name_is_replaced(collection: Users, unique: bool) -> None:
    collection.create_index([("email_key", 1)], name="by_hand", unique=unique)
    assert applied(collection) == all_of(State.CREATED, collection)
    assert "by_hand" not in collection.index_information()
    assert inspected(collection) == all_of(State.UNCHANGED, collection)


def test_other_indexes_stay(collection: Users) -> None:
    collection.create_index([("favourite_colour", 1)], name="of_another_tool")
    applied(collection)
    applied(collection)
    assert "of_another_tool" in collection.index_information()


def test_documents_that_prevent_the_unique_index_are_named(collection: Users) -> None:
    twins = [account("ada@example.com"), account("ada@example.com")]
    collection.insert_many([*twins, account("bob@example.com")])
    with pytest.raises(IndexConflict) as conflict:
        applied(collection)
    message = str(conflict.value)
    assert "email_key" in message
    assert "ada@example.com" in message
    assert all(str(twin["_id"]) in message for twin in twins)
    assert "bob@example.com" not in message


def test_a_conflict_keeps_the_existing_index(collection: Users) -> None:
    """Lookups stay fast while an operator corrects the documents."""
    collection.create_index([("email_key", 1)], name="email_key")
    collection.insert_many([account("ada@example.com"), account("ada@example.com")])
    with pytest.raises(IndexConflict):
        applied(collection)
    assert "email_key" in collection.index_information()


def test_the_remaining_indexes_are_created_after_the_documents_are_corrected(
    collection: Users,
) -> None:
    collection.insert_many([account("ada@example.com"), account("ada@example.com")])
    with pytest.raises(IndexConflict):
        applied(collection)
    collection.delete_one({"email_key": "ada@example.com"})
    applied(collection)
    assert inspected(collection) == all_of(State.UNCHANGED, collection)


@pytest.mark.parametrize(
    "drift",
    [
        {"validator": {"$jsonSchema": {"bsonType": "object"}}},
        {"validator": {}},
        {"validationAction": "warn"},
        {"validationLevel": "off"},
        {"validationLevel": "moderate"},
    ],
    ids=str,
)
def test_an_altered_validator_is_found_and_repaired(
    bare_users: Collection[dict[str, Any]], drift: dict[str, Any]
) -> None:
    applied(bare_users)
    bare_users.database.command("collMod", "users", **drift)
    assert inspected(bare_users)[VALIDATOR_NAME] is not State.UNCHANGED
    assert applied(bare_users)[VALIDATOR_NAME] is not State.UNCHANGED
    assert inspected(bare_users) == all_of(State.UNCHANGED, bare_users)
    assert bare_users.options()["validator"] == VALIDATOR


def test_the_validator_is_set_on_a_collection_with_invalid_documents(
    bare_users: Collection[dict[str, Any]],
) -> None:
    """Existing documents stay readable; MongoDB validates them at the next write."""
    bare_users.insert_one({"email_key": "old@example.com"})
    applied(bare_users)
    assert bare_users.find_one({"email_key": "old@example.com"}) is not None
