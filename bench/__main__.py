"""`python -m bench [--quick] [--only NAME…] [--write]`; `make bench` for short."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.report import Row, machine, table
from bench.rows import ROWS
from bench.servers import ROOT
from bench.sides import Floor, Ours
from bench.stage import FULL, QUICK, Effort, Stage
from scripts.mongod import MongodUnavailableError

_PAGE = ROOT / "docs" / "benchmark.md"
_BEGIN, _END = "<!-- measured -->\n", "<!-- end -->\n"


def run(effort: Effort, names: list[str]) -> Iterator[Row]:
    """Measures the rows of these names, as they are done."""
    with Stage(effort) as stage:
        ours, floor = Ours(stage), Floor(stage)
        for name in names:
            yield from ROWS[name](stage, ours, floor)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, with wider spreads")
    parser.add_argument("--write", action="store_true", help=f"into {_PAGE.relative_to(ROOT)}, too")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    chosen = parser.parse_args()
    rows: list[Row] = []
    try:
        for row in run(QUICK if chosen.quick else FULL, chosen.only):
            print(f"{row.name}: {row.cells()[3]}", file=sys.stderr, flush=True)
            rows.append(row)
    except MongodUnavailableError as error:
        print(f"No benchmark without MongoDB: {error}", file=sys.stderr)
        return 1
    measured = f"{machine()}\n\n{table(rows)}\n"
    print(f"\n{measured}")
    if chosen.write:
        _write(_PAGE, measured)
    return 0


def _write(page: Path, measured: str) -> None:
    """Between the two marks, in place of what was there."""
    before, _, rest = page.read_text().partition(_BEGIN)
    page.write_text(f"{before}{_BEGIN}\n{measured}\n{_END}{rest.partition(_END)[2]}")


if __name__ == "__main__":
    sys.exit(main())
