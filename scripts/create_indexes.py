"""Makes the indexes and the schema validator. `--check` only compares them, and exits 1 if any
differ."""

import _root  # noqa: F401, I001 (first, so that app can be imported)
import argparse
import sys

from pymongo.errors import PyMongoError

from app import create_app
from app.mongo import current_mongo
from app.users import indexes

_DRIFT = {indexes.State.CREATED: "missing", indexes.State.CHANGED: "different"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only report what differs")
    check: bool = parser.parse_args().check
    with create_app().app_context():
        database = current_mongo().database
        try:
            found = list(indexes.inspect(database) if check else indexes.apply(database))
        except indexes.IndexConflict as conflict:
            print(conflict, file=sys.stderr)
            return 1
        except PyMongoError as error:
            print(f"MongoDB: {error}", file=sys.stderr)
            return 1
    for name, state in found:
        print(f"{name}: {_DRIFT.get(state, state) if check else state}")
    drift = any(state is not indexes.State.UNCHANGED for _name, state in found)
    return 1 if check and drift else 0


if __name__ == "__main__":
    sys.exit(main())
