"""scripts/create_indexes.py makes and checks indexes and the schema validator."""

from datetime import UTC, datetime
from typing import Any

from pymongo.collection import Collection

from app.users import indexes
from app.users.indexes import INDEXES
from tests.scripts.conftest import Run

ALL = [*(index.name for index in INDEXES), "schema validator"]
DIFFERENT = ["expire_unconfirmed", "schema validator"]


def _states(output: str) -> dict[str, str]:
    """The state of each index, from the output of the script."""
    return dict(line.rsplit(": ", 1) for line in output.strip().splitlines())


def test_missing_indexes_are_made_and_a_second_run_changes_nothing(
    run: Run, users: Collection[dict[str, Any]]
) -> None:
    check = run("create_indexes", "--check")
    assert check.returncode == 1
    assert _states(check.stdout) == dict.fromkeys(ALL, "missing")
    assert users.database.list_collection_names() == [], "--check changed something"

    first = run("create_indexes")
    assert (first.returncode, _states(first.stdout)) == (0, dict.fromkeys(ALL, "created"))
    for index in INDEXES:
        assert index.name in users.database[index.collection].index_information()

    second = run("create_indexes")
    assert (second.returncode, _states(second.stdout)) == (0, dict.fromkeys(ALL, "unchanged"))


def test_a_different_index_and_validator_are_reported_and_replaced(
    run: Run, users: Collection[dict[str, Any]]
) -> None:
    list(indexes.apply(users.database))
    users.drop_index("expire_unconfirmed")
    users.create_index([("expires_on", 1)], name="expire_unconfirmed", expireAfterSeconds=86400)
    users.database.command("collMod", "users", validator={"email": {"$exists": True}})
    before = users.index_information()
    unchanged = dict.fromkeys(ALL, "unchanged")

    check = run("create_indexes", "--check")
    assert check.returncode == 1
    assert _states(check.stdout) == unchanged | dict.fromkeys(DIFFERENT, "different")
    assert users.index_information() == before, "--check changed something"

    repair = run("create_indexes")
    assert repair.returncode == 0
    assert _states(repair.stdout) == unchanged | dict.fromkeys(DIFFERENT, "changed")
    assert users.index_information()["expire_unconfirmed"]["expireAfterSeconds"] == 0
    assert run("create_indexes", "--check").returncode == 0


def test_two_accounts_with_one_address_are_named(
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


def test_two_accounts_with_one_passkey_are_named(
    run: Run, users: Collection[dict[str, Any]]
) -> None:
    """Accounts without passkeys do not count as having the same one."""
    twins = [
        _document(f"{name}@example.com") | {"passkeys": [{"id": name}, {"id": "same"}]}
        for name in ("ada", "bob")
    ]
    without = [_document(f"{name}@example.com") for name in ("cleo", "dan")]
    users.insert_many([*twins, *without])
    refused = run("create_indexes")
    assert refused.returncode == 1
    assert "passkeys.id 'same'" in refused.stderr
    named = [str(one["_id"]) in refused.stderr for one in (*twins, *without)]
    assert named == [True, True, False, False]


def test_an_unreachable_database_is_one_line_without_secrets(run: Run) -> None:
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
