"""Indexes and the schema validator, declared as data.

`scripts/create_indexes.py` applies them; the readiness check compares them with the database.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

from app.users.backends import backend_of
from app.users.documents import Document


@dataclass(frozen=True, slots=True)
class Index:
    """One declared index."""

    name: str
    keys: tuple[tuple[str, int], ...]
    options: Document = field(default_factory=dict)
    collection: str = "users"


_NEWEST = (("registered_on", -1), ("_id", -1))


def _only(documents: Document) -> Document:
    return {"partialFilterExpression": documents}


INDEXES = (
    # For registration and sign-in. Unique: an address has at most one account.
    Index("email_key", (("email_key", 1),), {"unique": True}),
    # For signing in with a passkey. Unique: no two accounts have the same one.
    Index("passkey", (("passkeys.id", 1),), {"unique": True} | _only({"passkeys.id": {"$gt": ""}})),
    # For the mail worker. Sparse: an account without owed letters has no entry.
    Index("outbox_due", (("outbox.due_on", 1),), {"sparse": True}),
    # MongoDB deletes unconfirmed accounts by this index; a confirmed account has no `expires_on`.
    Index("expire_unconfirmed", (("expires_on", 1),), {"expireAfterSeconds": 0}),
    # For the lists of administrators, newest first: all accounts, and by state.
    Index("newest", _NEWEST),
    Index("newest_by_state", (("confirmed", 1), *_NEWEST)),
    # The same for rare states: only accounts in this state have an entry.
    Index("administrators", (*_NEWEST, ("admin", 1)), _only({"admin": True})),
    Index(
        "disabled",
        (*_NEWEST, ("disabled_on", 1)),
        _only({"disabled_on": {"$exists": True}}),
    ),
    Index(
        "refused",
        (*_NEWEST, ("confirm_mail.refused", 1)),
        _only({"confirm_mail.refused": {"$gt": ""}}),
    ),
    # Letters that did not leave at the first try, for administrators.
    Index(
        "outbox_trouble",
        (("outbox.trouble", 1),),
        _only({"outbox.trouble": {"$gt": ""}}),
    ),
    # Finds refused letters with the same words: did recipients in several domains get them?
    Index(
        "outbox_alike",
        (("outbox.alike", 1),),
        _only({"outbox.alike": {"$gt": ""}}),
    ),
    # Counts of attempts are removed after their window.
    Index("forget_attempts", (("expires_on", 1),), {"expireAfterSeconds": 0}, "limits"),
    # Decoys: one for each address that has a confirmed account and was registered again.
    Index("decoy_email_key", (("email_key", 1),), {"unique": True}, "decoys"),
    Index("expire_decoys", (("expires_on", 1),), {"expireAfterSeconds": 0}, "decoys"),
    # Answers of the API to requests with an Idempotency-Key are kept for a day.
    Index("forget_answers", (("expires_on", 1),), {"expireAfterSeconds": 0}, "idempotency"),
    # For the funnel. These indexes contain every field that it counts, so no document is read.
    Index("funnel", (("confirmed", 1), ("registered_on", 1), ("confirmed_on", 1))),
    # Only accounts that asked for a second mail. For refused mails, `refused` above is enough.
    Index(
        "funnel_resent",
        (("registered_on", 1), ("token_version", 1), ("resends", 1), ("confirmed", 1)),
        {"partialFilterExpression": {"token_version": {"$gt": 1}}},
    ),
    # Only accounts with a second factor: with the app, and with passkeys.
    Index(
        "funnel_totp",
        (("registered_on", 1), ("totp.id", 1)),
        _only({"totp.id": {"$gt": ""}}),
    ),
    Index(
        "funnel_passkeys",
        (("registered_on", 1), ("passkeys.id", 1), ("totp.id", 1)),
        _only({"passkeys.id": {"$gt": ""}}),
    ),
    Index(
        "funnel_departed",
        (
            ("registered_on", 1),
            ("gone_on", 1),
            ("how", 1),
            ("confirmed_on", 1),
            ("resends", 1),
            ("refused", 1),
        ),
        collection="departed",
    ),
    # Deletion records that `review` has not checked yet.
    Index(
        "departed_unsure",
        (("gone_on", 1),),
        {"partialFilterExpression": {"sure": False}},
        collection="departed",
    ),
)

VALIDATOR: Document = {
    "$jsonSchema": {
        "bsonType": "object",
        "required": [
            "email",
            "email_key",
            "password_hash",
            "registered_on",
            "confirmed",
            "confirmed_on",
            "token_version",
            "admin",
        ],
        "properties": {
            "email": {"bsonType": "string"},
            "email_key": {"bsonType": "string"},
            "password_hash": {"bsonType": "string"},
            "registered_on": {"bsonType": "date"},
            "confirmed": {"bsonType": "bool"},
            "confirmed_on": {"bsonType": ["date", "null"]},
            "token_version": {"bsonType": ["int", "long"], "minimum": 0},
            "admin": {"bsonType": "bool"},
        },
    }
}

# The server refuses every write that does not fit the schema.
_VALIDATION: Document = {
    "validator": VALIDATOR,
    "validationLevel": "strict",
    "validationAction": "error",
}
_VALIDATOR_NAME = "schema validator"
_NAMESPACE_EXISTS = 48


class State(StrEnum):
    """What was found or done for one index or for the validator."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    CHANGED = "changed"


class IndexConflict(Exception):
    """Existing documents prevent a unique index; the message names them."""


def inspect(database: Database[Document]) -> Iterator[tuple[str, State]]:
    """Compares the declared indexes and validator with the database; changes nothing.

    Yields:
        A name and UNCHANGED (as declared), CHANGED (different) or CREATED (missing).
    """
    present = {
        name: database[name].index_information()
        for name in sorted({index.collection for index in INDEXES})
    }
    for index in INDEXES:
        yield index.name, _compare(present[index.collection].get(index.name), index)
    if backend_of(database).has_validators:
        yield _VALIDATOR_NAME, _compare_validator(database["users"])


def apply(database: Database[Document]) -> Iterator[tuple[str, State]]:
    """Creates or changes what is not as declared. Can be repeated, also on a live system.

    Yields:
        Each name with what was done.

    Raises:
        IndexConflict: when documents prevent a unique index.
    """
    for name, state in list(inspect(database)):
        if name == _VALIDATOR_NAME:
            if state is not State.UNCHANGED:
                _set_validator(database["users"])
        elif state is not State.UNCHANGED:
            index = next(index for index in INDEXES if index.name == name)
            _make(database[index.collection], index, replace=state is State.CHANGED)
        yield name, state


def _compare(found: Any, index: Index) -> State:
    if found is None:
        return State.CREATED
    kept = {key: value for key, value in found.items() if key not in {"v", "key", "ns"}}
    same = list(found["key"]) == list(index.keys) and kept == index.options
    return State.UNCHANGED if same else State.CHANGED


def _make(collection: Collection[Document], index: Index, *, replace: bool) -> None:
    # Check first, then drop: a wrong index is better than none.
    if index.options.get("unique"):
        _refuse_duplicates(collection, index)
    if replace:
        collection.drop_index(index.name)
    _drop_twin(collection, index)
    try:
        collection.create_index(list(index.keys), name=index.name, **index.options)
    except DuplicateKeyError:  # written after the check
        _refuse_duplicates(collection, index)
        raise


def _drop_twin(collection: Collection[Document], index: Index) -> None:
    """Drops an index on the same keys with another name, because MongoDB would refuse ours."""
    for name, found in collection.index_information().items():
        if name != "_id_" and list(found["key"]) == list(index.keys):
            collection.drop_index(name)


def _refuse_duplicates(collection: Collection[Document], index: Index) -> None:
    (key, _direction), *_ = index.keys
    indexed: list[Document] = [{"$match": index.options.get("partialFilterExpression", {})}]
    entries, dot, _name = key.partition(".")
    if dot:
        indexed.append({"$unwind": f"${entries}"})
    groups = collection.aggregate(
        [
            *indexed,
            {"$group": {"_id": f"${key}", "ids": {"$push": "$_id"}, "count": {"$sum": 1}}},
            {"$match": {"count": {"$gt": 1}}},
            {"$limit": 20},
        ],
        allowDiskUse=True,
    )
    lines = [
        f"  {key} {group['_id']!r}: " + ", ".join(str(_id) for _id in group["ids"][:10])
        for group in groups
    ]
    if lines:
        problem = f"Index {index.name} must be unique, but these documents share a value:"
        raise IndexConflict("\n".join([problem, *lines]))


def _compare_validator(users: Collection[Document]) -> State:
    options = users.options()
    if "validator" not in options:
        return State.CREATED
    found = {name: options.get(name, declared) for name, declared in _VALIDATION.items()}
    return State.UNCHANGED if found == _VALIDATION else State.CHANGED


def _set_validator(users: Collection[Document]) -> None:
    database = users.database
    try:
        database.command("create", users.name, **_VALIDATION)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise
        database.command("collMod", users.name, **_VALIDATION)
