"""Delivers owed letters until SIGTERM. Several may run at once.

With `--once` it delivers what is due now, then exits 0, or 1 if letters are left to try again.
"""

import _root  # noqa: F401, I001 (first, so that app can be imported)
import argparse
import sys

from pymongo.errors import PyMongoError

from app import create_app
from app.mail.worker import Worker
from scripts._stopping import Stop


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="deliver what is due, then exit")
    once: bool = parser.parse_args().once
    app = create_app()
    worker = Worker(app)
    if once:
        try:
            return 1 if worker.run_once() else 0
        except PyMongoError as error:
            print(f"MongoDB: {error}", file=sys.stderr)
            return 1
    worker.run(Stop())
    return 0


if __name__ == "__main__":
    sys.exit(main())
