"""scripts/create_indexes.py."""

from datetime import UTC, datetime
from typing import Any

from pymongo.collection import Collection

from app.users.indexes import INDEXES
from tests.scripts.conftest import Run

ALL = [*(index.name for index in INDEXES), "schema validator"]


def _states(output: str) -> dict[str, str]:
    return dict(line.rsplit(": ", 1) for line in output.strip().splitlines())


def test_it_makes_what_is_missing_mends_what_differs_and_may_be_run_again(
    run: Run, users: Collection[dict[str, Any]]
) -> None:
    drift = run("create_indexes", "--check")
    assert drift.returncode == 1
    assert _states(drift.stdout) == dict.fromkeys(ALL, "missing")
    assert users.database.list_collection_names() == [], "--check changed something"

    made = run("create_indexes")
    assert made.returncode == 0
    assert _states(made.stdout) == dict.fromkeys(ALL, "created")
    for collection in users, users.database["departed"]:
        declared = {index.name for index in INDEXES if index.collection == collection.name}
        assert collection.index_information().keys() - {"_id_"} == declared

    again = run("create_indexes")
    assert (again.returncode, _states(again.stdout)) == (0, dict.fromkeys(ALL, "unchanged"))
    assert run("create_indexes", "--check").returncode == 0

    users.drop_index("expire_unconfirmed")
    users.create_index([("expires_on", 1)], name="expire_unconfirmed", expireAfterSeconds=86400)
    users.database.command("collMod", "users", validator={"email": {"$exists": True}})
    before = users.index_information()
    drift = run("create_indexes", "--check")
    differing = {"expire_unconfirmed": "different", "schema validator": "different"}
    assert drift.returncode == 1
    assert _states(drift.stdout) == dict.fromkeys(ALL, "unchanged") | differing
    assert users.index_information() == before, "--check changed something"

    mended = run("create_indexes")
    changed = dict.fromkeys(differing, "changed")
    assert mended.returncode == 0
    assert _states(mended.stdout) == dict.fromkeys(ALL, "unchanged") | changed
    assert users.index_information()["expire_unconfirmed"]["expireAfterSeconds"] == 0


def test_documents_that_prevent_a_unique_index_are_named(
    run: Run, users: Collection[dict[str, Any]]
) -> None:
    twins = [_document("ada@example.com") for _twin in range(2)]
    other = _document("bob@example.com")
    users.insert_many([*twins, other])
    refused = run("create_indexes")
    assert refused.returncode == 1
    assert "ada@example.com" in refused.stderr
    for twin in twins:
        assert str(twin["_id"]) in refused.stderr
    assert str(other["_id"]) not in refused.stderr
    assert "Traceback" not in refused.stderr

    users.delete_one({"_id": twins[0]["_id"]})
    assert run("create_indexes").returncode == 0


def test_a_database_that_does_not_answer_is_one_line_and_no_secret(run: Run) -> None:
    uri = "mongodb://operator:s3cret-pass@127.0.0.1:1/latchkey?timeoutMS=200"
    ended = run("create_indexes", MONGODB_URI=uri)
    assert ended.returncode == 1
    assert ended.stderr.startswith("MongoDB: ")
    assert "Traceback" not in ended.stderr
    assert "s3cret" not in ended.stderr


def _document(email: str) -> dict[str, Any]:
    return {
        "email": email,
        "email_key": email,
        "password_hash": "x",
        "registered_on": datetime.now(UTC),
        "confirmed": False,
        "confirmed_on": None,
        "token_version": 1,
        "admin": False,
    }
