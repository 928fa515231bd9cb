"""Tests the features of MongoDB that the app needs, on a collection that is removed afterwards.

Some servers speak MongoDB's protocol and report its version, but lack some of its features. They
refuse the commands, or accept them without effect.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId
from pymongo import WriteConcern
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from app.diagnostics.finding import LENGTH, Finding, fix, note, ok, words_of
from app.users.clock import utcnow
from app.users.documents import Document

_UNAUTHORIZED = 13
_FAILED_VALIDATION = 121
_WHERE_IT_RUNS = "use a MongoDB with this feature; see the list in docs/operations.md"

Scratch = Collection[Document]


class _NoEffect(Exception):
    """The server accepts a command without the right effect. The message says what is wrong."""


@dataclass(frozen=True, slots=True)
class _Need:
    subject: str
    breaks: str
    """What fails without the feature."""
    attempt: Callable[[Scratch], None]
    """Tests the feature. Raises _NoEffect, or the error of the server."""

    def examine(self, scratch: Scratch) -> Finding:
        """Runs the test and reports the result."""
        try:
            self.attempt(scratch)
        except _NoEffect as found:
            words = str(found)
        except OperationFailure as error:
            if error.code == _UNAUTHORIZED:
                return note(self.subject, "not tried: the user of MONGODB_URI lacks the right")
            words = f"refused: {error}"[:LENGTH]
        except PyMongoError as error:
            words = f"not tried: {words_of(error)}"[:LENGTH]
            return fix(self.subject, words, "look into rs.status() and the log of MongoDB")
        else:
            return ok(self.subject, "tried, works")
        return fix(self.subject, f"{words}. Without it {self.breaks}", _WHERE_IT_RUNS)


def check_needs(database: Database[Document]) -> Generator[Finding, None, None]:
    """Tests all features on a collection with a unique name."""
    # A missing majority is reported by another check.
    one = WriteConcern(1)
    scratch = database.get_collection(f"doctor_{ObjectId()}", write_concern=one)
    try:
        for need in _NEEDS:
            yield need.examine(scratch)
    finally:
        left = _drop(scratch)
    if left:
        yield left


def _drop(scratch: Scratch) -> Finding | None:
    try:
        scratch.drop()
    except PyMongoError as error:
        words = f"{scratch.name} could not be dropped: {error}"[:LENGTH]
        return note("mongodb scratch collection", words, "drop it by hand")
    return None


def _validator(scratch: Scratch) -> None:
    """Makes the collection with a validator that accepts the documents of the other tests."""
    schema = {"$jsonSchema": {"properties": {"checked": {"bsonType": "string"}}}}
    options: Document = {"validator": schema, "validationAction": "error"}
    scratch.database.command("create", scratch.name, **options)
    scratch.insert_one({"_id": "checked", "checked": "text"})
    wrong: tuple[Callable[[], Any], ...] = (
        lambda: scratch.insert_one({"checked": 1}),
        lambda: scratch.update_one({"_id": "checked"}, {"$set": {"checked": 1}}),
    )
    for write in wrong:
        if not _is_refused(write, _FAILED_VALIDATION):
            raise _NoEffect("accepted, and not enforced")


def _is_refused(write: Callable[[], Any], code: int) -> bool:
    try:
        write()
    except OperationFailure as error:
        if error.code != code:
            raise
        return True
    return False


def _update_pipeline(scratch: Scratch) -> None:
    """Attempts are counted like this."""
    over = {"$lte": [{"$ifNull": ["$until", 0]}, 0]}
    count = {"$cond": [over, 1, {"$add": ["$count", 1]}]}
    for _ in range(2):
        scratch.update_one(
            {"_id": "counted"}, [{"$set": {"count": count, "until": 1}}], upsert=True
        )
    if scratch.find_one({"_id": "counted"}) != {"_id": "counted", "count": 2, "until": 1}:
        raise _NoEffect("accepted, and the document is not what it should be")


def _array_updates(scratch: Scratch) -> None:
    """Letters are leased, settled and retried like this."""
    letters = [{"id": 1, "due": 1}, {"id": 2, "due": 2}]
    scratch.insert_one({"_id": "array", "letters": letters})
    which = {"_id": "array", "letters": {"$elemMatch": {"due": {"$lte": 1}}}}
    scratch.find_one_and_update(which, {"$set": {"letters.$.due": 5}})
    late = {"$set": {"letters.$[late].late": True}}
    scratch.update_many({"_id": "array"}, late, array_filters=[{"late.due": {"$gt": 4}}])
    scratch.update_one({"_id": "array"}, {"$pull": {"letters": {"id": 2}}})
    more: Document = {"$each": [{"id": 3}, {"id": 4}], "$slice": -2}
    scratch.update_one({"_id": "array", "letters.late": True}, {"$push": {"letters": more}})
    found = scratch.find_one({"_id": "array"}) or {}
    if found.get("letters") != [{"id": 3}, {"id": 4}]:
        raise _NoEffect("accepted, and the document is not what it should be")


def _unique_index(scratch: Scratch) -> None:
    """The index is made while there are documents, like `create_indexes.py` on a live system."""
    scratch.delete_many({})  # documents of other tests lack the field, which counts as one value
    scratch.insert_one({"unique": "a"})
    scratch.create_index("unique", unique=True)
    try:
        scratch.insert_one({"unique": "a"})
    except DuplicateKeyError:
        return
    raise _NoEffect("accepted, and not enforced")


def _partial_indexes(scratch: Scratch) -> None:
    """One index for each kind of filter that the app declares."""
    for number, documents in enumerate(({"$exists": True}, {"$gt": ""}, {"$gt": 1}, False)):
        _make_index(scratch, f"partial{number}", partialFilterExpression={"kind": documents})


def _sparse_index(scratch: Scratch) -> None:
    _make_index(scratch, "letters.due", sparse=True)


def _ttl_index(scratch: Scratch) -> None:
    _make_index(scratch, "expires_on", expireAfterSeconds=0)


def _make_index(scratch: Scratch, key: str, **options: Any) -> None:
    scratch.delete_many({})  # an index on documents waits for every member of the set
    name = scratch.create_index(key, **options)
    found = scratch.index_information().get(name, {})
    if not found.items() >= options.items():
        raise _NoEffect("accepted, but the index is not as declared")


def _aggregation(scratch: Scratch) -> None:
    """Deleted accounts are recorded like this."""
    scratch.insert_one({"_id": "source", "since": utcnow() - timedelta(days=1)})
    join = {
        "from": scratch.name,
        "localField": "_id",
        "foreignField": "_id",
        "pipeline": [{"$project": {"since": 1}}],
        "as": "joined",
    }
    judged = [{"$set": {"merged": {"$eq": ["$since", "$$new.joined.since"]}}}]
    merge = {"into": scratch.name, "whenMatched": judged, "whenNotMatched": "discard"}
    scratch.aggregate(
        [
            {"$match": {"_id": "source"}},
            {"$lookup": join},
            {"$set": {"joined": {"$first": "$joined"}}},
            {"$merge": merge},
        ]
    )
    if not (scratch.find_one({"_id": "source"}) or {}).get("merged"):
        raise _NoEffect("accepted, and the document is not what it should be")


_NEEDS = (
    _Need("mongodb schema validator", "a bug could store a broken account", _validator),
    _Need(
        "mongodb update pipelines",
        "every form is refused, because attempts cannot be counted",
        _update_pipeline,
    ),
    _Need("mongodb array updates", "no mail is sent", _array_updates),
    _Need("mongodb partial indexes", "scripts/create_indexes.py fails", _partial_indexes),
    _Need("mongodb sparse indexes", "scripts/create_indexes.py fails", _sparse_index),
    _Need(
        "mongodb TTL indexes",
        "unconfirmed accounts and counted attempts are never deleted",
        _ttl_index,
    ),
    _Need("mongodb aggregation", "expired accounts are missing from the figures", _aggregation),
    _Need("mongodb unique indexes", "two accounts can have one address", _unique_index),
)
