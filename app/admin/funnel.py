"""The funnel: charts, and the same numbers as tables and as CSV."""

from typing import Any

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin.blueprint import bp
from app.mongo import current_mongo
from app.users.clock import utcnow
from app.users.funnel.date_range import By, DateRangeError, parse_date_range
from app.users.funnel.edges import WITHIN
from app.users.funnel.export import as_csv
from app.users.funnel.figures import Figures, figures
from app.web.humanize import percent, took

# The times of the curve, in seconds, that the table shows.
_SHOWN = (
    *(20, 40, 60, 120, 180, 300, 600, 1200, 1800, 3600),
    *(2 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 3 * 86400, 5 * 86400, 7 * 86400),
)
_MOST_RESENDS = 3


@bp.get("/", strict_slashes=False)
def home() -> ResponseReturnValue:
    """The page with all figures. The query has `from`, `to` (days, both included) and `by`."""
    asked = {name: request.args.get(name, "") for name in ("from", "to", "by")}
    page: dict[str, Any] = {
        "asked": asked,
        "choices": list(By),
        "percent": percent,
        "took": took,
    }
    try:
        found = _figures()
    except DateRangeError as error:
        return render_template("admin/home.html", problem=str(error), **page), 422
    dates = found.dates
    page["asked"] = {"from": str(dates.first), "to": str(dates.last), "by": dates.by.value}
    return render_template(
        "admin/home.html",
        found=found,
        dates=dates,
        curve=_curve(found),
        resent=_resent(found),
        within=list(WITHIN),
        csv_url=url_for("admin.funnel_csv", **page["asked"]),
        **page,
    )


@bp.get("/funnel.csv")
def funnel_csv() -> ResponseReturnValue:
    """The periods as CSV, a line for each."""
    try:
        found = _figures()
    except DateRangeError as error:
        return Response(f"{error}\n", 422, mimetype="text/plain")
    name = f"funnel-{found.dates.first}-{found.dates.last}-by-{found.dates.by}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(as_csv(found), mimetype="text/csv", headers=headers)


def _figures() -> Figures:
    now, args = utcnow(), request.args
    dates = parse_date_range(
        args.get("from", ""), args.get("to", ""), args.get("by", ""), now.date()
    )
    return figures(current_mongo().database, dates, now)


def _curve(found: Figures) -> list[tuple[str, int]]:
    """The rows of the table, up to the time after which nobody else confirmed."""
    shown = [(took(seconds), count) for seconds, count in found.curve if seconds in _SHOWN]
    end = [count for _words, count in shown].index(shown[-1][1])
    return shown[: end + 1]


def _resent(found: Figures) -> list[tuple[str, int, int]]:
    """The rows of the table. People who asked more than twice share one row."""
    rows: dict[str, tuple[int, int]] = {}
    for times, accounts, confirmed in found.resent:
        name = ("Never", "Once", "Twice")[times] if times < _MOST_RESENDS else "More often"
        before = rows.get(name, (0, 0))
        rows[name] = (before[0] + accounts, before[1] + confirmed)
    return [(name, accounts, confirmed) for name, (accounts, confirmed) in rows.items()]
