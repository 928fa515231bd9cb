"""What the product needs of MongoDB, tried on a collection that is removed afterwards.

Servers that speak MongoDB's protocol say a version, and lack some of what it stands for. Some
refuse it, others accept it without effect.
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

from app.diagnostics.finding import Finding, fix, note, ok
from app.users.clock import utcnow
from app.users.documents import Document

_UNAUTHORIZED = 13
_FAILED_VALIDATION = 121
_WHERE_IT_RUNS = "use a MongoDB that has it; docs/operations.md lists which do"
_LENGTH = 160

Scratch = Collection[Document]


class _NoEffect(Exception):
    """The server accepts something and does not do it; the message says what."""


@dataclass(frozen=True, slots=True)
class _Need:
    subject: str
    breaks: str
    """What does not work without it."""
    attempt: Callable[[Scratch], None]
    """Raises _NoEffect, or what the server answers."""

    def examine(self, scratch: Scratch) -> Finding:
        """Tries it."""
        try:
            self.attempt(scratch)
        except _NoEffect as found:
            words = str(found)
        except OperationFailure as error:
            if error.code == _UNAUTHORIZED:
                return note(self.subject, "not tried: the user of MONGODB_URI may not")
            words = f"refused: {error}"[:_LENGTH]
        except PyMongoError as error:
            words = f"not tried: {type(error).__name__}: {error}"[:_LENGTH]
            return fix(self.subject, words, "rs.status() and the log of MongoDB say why")
        else:
            return ok(self.subject, "tried, and as needed")
        return fix(self.subject, f"{words}. Without it {self.breaks}", _WHERE_IT_RUNS)


def check_needs(database: Database[Document]) -> Generator[Finding, None, None]:
    """Tries everything on a collection with a name that nothing else has."""
    # A majority that does not acknowledge is a finding of its own.
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
        words = f"{scratch.name} is left over: {error}"[:_LENGTH]
        return note("mongodb scratch collection", words, "drop it")
    return None


def _validator(scratch: Scratch) -> None:
    """Makes the collection; the documents of the other attempts pass."""
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
    """As attempts are counted."""
    over = {"$lte": [{"$ifNull": ["$until", 0]}, 0]}
    count = {"$cond": [over, 1, {"$add": ["$count", 1]}]}
    for _ in range(2):
        scratch.update_one(
            {"_id": "counted"}, [{"$set": {"count": count, "until": 1}}], upsert=True
        )
    if scratch.find_one({"_id": "counted"}) != {"_id": "counted", "count": 2, "until": 1}:
        raise _NoEffect("accepted, and the document is not what it should be")


def _array_updates(scratch: Scratch) -> None:
    """As letters are leased, settled and retried."""
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
    """Made while there are documents, as `create_indexes.py` does on a live system."""
    scratch.delete_many({})  # those of other attempts lack the field, and so share a value
    scratch.insert_one({"unique": "a"})
    scratch.create_index("unique", unique=True)
    try:
        scratch.insert_one({"unique": "a"})
    except DuplicateKeyError:
        return
    raise _NoEffect("accepted, and not enforced")


def _partial_indexes(scratch: Scratch) -> None:
    """One for each kind of filter that is declared."""
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
        raise _NoEffect("accepted, and made as another index")


def _aggregation(scratch: Scratch) -> None:
    """As deleted accounts are recorded."""
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
    _Need("mongodb schema validator", "a fault could store a broken account", _validator),
    _Need(
        "mongodb update pipelines",
        "no form is accepted: attempts are not counted",
        _update_pipeline,
    ),
    _Need("mongodb array updates", "no mail leaves", _array_updates),
    _Need("mongodb partial indexes", "scripts/create_indexes.py fails", _partial_indexes),
    _Need("mongodb sparse indexes", "scripts/create_indexes.py fails", _sparse_index),
    _Need(
        "mongodb TTL indexes", "unconfirmed accounts and counted attempts stay for ever", _ttl_index
    ),
    _Need("mongodb aggregation", "expired accounts are missing in the figures", _aggregation),
    _Need("mongodb unique indexes", "two accounts can have one address", _unique_index),
)
