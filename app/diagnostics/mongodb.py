"""Checks MongoDB: connection, durability, needed features, indexes and clock."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from bson import ObjectId
from pymongo import WriteConcern
from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.diagnostics.finding import Finding, fix, note, ok, words_of
from app.diagnostics.mongodb_needs import check_needs
from app.mongo import connect
from app.users import indexes
from app.users.backends import backend_of
from app.users.clock import EPOCH, utcnow
from app.users.documents import Document

# Links tolerate 60 s, but sessions and leases compare the clocks of several machines.
_CLOCKS_APART = timedelta(seconds=5)
_MAJORITY_MS = 3000


def check_mongodb(uri: str) -> Iterator[Finding]:
    """Checks the server, one check after another."""
    try:
        database = connect(uri)
        if backend_of(database).in_memory:
            yield note("mongodb", "in memory (mongomock): accounts end with the process")
            return
        hello = database.command("hello", codec_options=database.codec_options)
        apart = utcnow() - hello["localTime"]
    except PyMongoError as error:
        yield fix("mongodb", words_of(error), "start it, or correct MONGODB_URI")
        return
    checks: dict[str, Callable[[], Finding]] = {
        "mongodb version": lambda: _version(database),
        "mongodb replica set": lambda: _replica_set(hello),
        "mongodb write concern": lambda: _majority(database),
        "mongodb indexes": lambda: _indexes(database),
        "mongodb clock": lambda: _clock(apart),
        "administrators": lambda: _administrators(database),
    }
    yield ok("mongodb", "reachable")
    yield from check_needs(database)
    for name, check in checks.items():
        try:
            yield check()
        except PyMongoError as error:
            yield fix(name, words_of(error), "look into rs.status() and the log of MongoDB")
    database.client.close()


def _version(database: Database[Document]) -> Finding:
    """Reports the version that the server names. `check_needs` tests what the server can do."""
    return ok("mongodb version", f"the server reports {database.command('buildInfo')['version']}")


def _replica_set(hello: Document) -> Finding:
    name = "mongodb replica set"
    if hello.get("msg") == "isdbgrid":
        return ok(name, "a sharded cluster")
    if "setName" not in hello:
        return fix(
            name,
            "a single server: if its disk fails, all data is lost",
            "start it with --replSet and run rs.initiate(), best with three members",
        )
    if not hello.get("isWritablePrimary"):
        return fix(
            name,
            "this member does not accept writes",
            "add the name of the set to MONGODB_URI: ?replicaSet=" + str(hello["setName"]),
        )
    members = len(hello.get("hosts", ()))
    if members < 3:
        return note(name, f"{members} member(s) with data", "with three, one may fail")
    return ok(name, f"{members} members, with a primary")


def _majority(database: Database[Document]) -> Finding:
    """Sends a write that changes nothing. It is acknowledged only when all earlier writes are."""
    concern = WriteConcern("majority", _MAJORITY_MS, True)
    database["users"].with_options(write_concern=concern).update_one(
        {"_id": ObjectId()}, {"$set": {"admin": False}}
    )
    return ok("mongodb write concern", "a majority acknowledges writes, in the journal")


def _indexes(database: Database[Document]) -> Finding:
    drift = [name for name, state in indexes.inspect(database) if state != "unchanged"]
    if drift:
        how = "python scripts/create_indexes.py"
        return fix("mongodb indexes", "missing or different: " + ", ".join(drift), how)
    return ok("mongodb indexes", "as declared, and so is the schema validator")


def _clock(apart: timedelta) -> Finding:
    seconds = apart.total_seconds()
    if abs(apart) > _CLOCKS_APART:
        words = f"{abs(seconds):.0f} s {'behind' if seconds > 0 else 'ahead of'} this machine"
        return fix("mongodb clock", words, "synchronise both clocks with NTP")
    return ok("mongodb clock", f"within {max(0.1, abs(seconds)):.1f} s of this machine")


def _administrators(database: Database[Document]) -> Finding:
    """Counts administrators whose account is guarded by a password alone."""
    # The date makes MongoDB use the index of administrators.
    everyone = {"admin": True, "registered_on": {"$gt": EPOCH}}
    without = {**everyone, "totp.id": None, "passkeys.0": {"$exists": False}}
    count = database["users"].count_documents(without)
    if count:
        words = "1 has" if count == 1 else f"{count} have"
        how = "each adds one on the page /profile/security"
        return note("administrators", f"{words} no second factor", how)
    return ok("administrators", "none is guarded by a password alone")
