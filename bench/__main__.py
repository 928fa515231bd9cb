"""`python -m bench [--quick] [--only NAME…] [--peer] [--write]`, or `make bench`."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.peers import NAMES, Peer, PeerMissingError
from bench.report import Row, machine, peer_table, table
from bench.rows import ROWS
from bench.servers import ROOT
from bench.sides import Floor, Ours, Sides
from bench.stage import FULL, QUICK, Stage
from scripts.mongod import MongodUnavailableError

_PAGE = ROOT / "docs" / "benchmark.md"


def run(stage: Stage, sides: Sides, names: list[str]) -> Iterator[Row]:
    """Measures the rows with these names; yields each as soon as it is measured."""
    for name in names:
        try:
            yield from ROWS[name](stage, sides)
        except Exception as error:
            error.add_note(f"while measuring the row {name!r}")
            raise


def main() -> int:
    """Prints the tables; returns 1 if something that they need is missing."""
    chosen = _arguments()
    rows: list[Row] = []
    storages = NAMES if chosen.peer else {}
    try:
        with Stage(QUICK if chosen.quick else FULL) as stage:
            peers = tuple(Peer(stage, storage) for storage in storages)
            for row in run(stage, Sides(Ours(stage), Floor(stage), peers), chosen.only):
                print(f"{row.name}: {row.cells()[3]}", file=sys.stderr, flush=True)
                rows.append(row)
    except (MongodUnavailableError, PeerMissingError) as error:
        print(f"No benchmark: {error}", file=sys.stderr)
        return 1
    measured = {"measured": f"{machine()}\n\n{table(rows)}"}
    if storages:
        measured["peers"] = peer_table(rows, storages.values())
    for mark, text in measured.items():
        print(f"\n{text}")
        if chosen.write:
            _write(_PAGE, mark, text)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, with wider spreads")
    parser.add_argument("--write", action="store_true", help=f"into {_PAGE.relative_to(ROOT)}, too")
    parser.add_argument("--peer", action="store_true", help="measure Flask-Security, too")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    return parser.parse_args()


def _write(page: Path, mark: str, text: str) -> None:
    """Puts the text between the two comments with this mark."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->\n"
    before, _, rest = page.read_text().partition(begin)
    page.write_text(f"{before}{begin}\n{text}\n\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    sys.exit(main())
