"""How registration is going: charts, the same numbers as tables, and as CSV."""

from typing import Any

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin.blueprint import bp
from app.clock import utcnow
from app.mongo import current_mongo
from app.phrases import percent, took
from app.users import funnel

# Of the curve's edges, in seconds, those that a table can hold.
_SHOWN = (
    *(20, 40, 60, 120, 180, 300, 600, 1200, 1800, 3600),
    *(2 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 3 * 86400, 5 * 86400, 7 * 86400),
)
_MOST_RESENDS = 3


@bp.get("/", strict_slashes=False)
def home() -> ResponseReturnValue:
    """The span is asked for as `from`, `to` (days, both included) and `by`."""
    asked = {name: request.args.get(name, "") for name in ("from", "to", "by")}
    page: dict[str, Any] = {
        "asked": asked,
        "choices": list(funnel.By),
        "percent": percent,
        "took": took,
    }
    try:
        found = _figures()
    except funnel.SpanError as error:
        return render_template("admin/home.html", problem=str(error), **page), 422
    span = found.span
    page["asked"] = {"from": str(span.first), "to": str(span.last), "by": span.by.value}
    return render_template(
        "admin/home.html",
        found=found,
        span=span,
        curve=_curve(found),
        resent=_resent(found),
        within=list(funnel.WITHIN),
        csv_url=url_for("admin.funnel_csv", **page["asked"]),
        **page,
    )


@bp.get("/funnel.csv")
def funnel_csv() -> ResponseReturnValue:
    """A line for each period, to be kept."""
    try:
        found = _figures()
    except funnel.SpanError as error:
        return Response(f"{error}\n", 422, mimetype="text/plain")
    name = f"funnel-{found.span.first}-{found.span.last}-by-{found.span.by}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(funnel.as_csv(found), mimetype="text/csv", headers=headers)


def _figures() -> funnel.Figures:
    now, args = utcnow(), request.args
    span = funnel.parse_span(
        args.get("from", ""), args.get("to", ""), args.get("by", ""), now.date()
    )
    return funnel.figures(current_mongo().database, span, now)


def _curve(found: funnel.Figures) -> list[tuple[str, int]]:
    """In words, up to the time by which all had who ever did."""
    shown = [(took(seconds), count) for seconds, count in found.curve if seconds in _SHOWN]
    end = [count for _words, count in shown].index(shown[-1][1])
    return shown[: end + 1]


def _resent(found: funnel.Figures) -> list[tuple[str, int, int]]:
    """The few who ask again and again, in one row."""
    rows: dict[str, tuple[int, int]] = {}
    for times, accounts, confirmed in found.resent:
        name = ("Never", "Once", "Twice")[times] if times < _MOST_RESENDS else "More often"
        before = rows.get(name, (0, 0))
        rows[name] = (before[0] + accounts, before[1] + confirmed)
    return [(name, accounts, confirmed) for name, (accounts, confirmed) in rows.items()]
