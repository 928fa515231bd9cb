"""`confirmed_pipeline` for mongomock, which knows few of its stages. Never used on a server."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from pymongo.database import Database

from app.clock import EPOCH
from app.users.funnel.confirmed import ranks
from app.users.funnel.elapsed import bin_of, milliseconds
from app.users.funnel.span import By, Span

Document = dict[str, Any]


def confirmed_in_memory(
    database: Database[Document], span: Span, now: datetime
) -> Iterator[Document]:
    """The same documents, by loading every account."""
    groups: dict[tuple[str, int], list[int | None]] = defaultdict(list)
    for account in _accounts(database, span, now):
        day = account["registered_on"].astimezone(UTC).date()
        took = None
        if account["confirmed_on"]:
            took = milliseconds(account["confirmed_on"] - account["registered_on"])
        for key in {("all", 0), *((by.value, by.number(day)) for by in (By.WEEK, span.by))}:
            groups[key].append(took)
    for (of, number), times in groups.items():
        known = sorted(time for time in times if time is not None)
        bins = Counter(bin_of(time) for time in known)
        yield {
            "_id": {"of": of, "number": number},
            "n": len(times),
            "known": len(known),
            "hist": [{"b": b, "n": n} for b, n in sorted(bins.items())],
            "picks": [known[rank] for rank in chain(*ranks(len(known)))] if known else [],
        }


def _accounts(database: Database[Document], span: Span, now: datetime) -> Iterator[Document]:
    registered = {"registered_on": {"$gte": span.since, "$lt": span.until}}
    yield from database["users"].find({"confirmed": True, **registered})
    gone = {"confirmed_on": {"$gt": EPOCH}, "gone_on": {"$lte": now}}
    yield from database["departed"].find(gone | registered)
