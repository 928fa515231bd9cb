"""How registration is going: who confirms, how soon, and what became of the others.

`figures` is what a page and `scripts/report.py` show. MongoDB counts, by indexes that hold all that
is counted; nothing is loaded per account.
"""

from app.users.funnel.elapsed import WITHIN
from app.users.funnel.export import as_csv, as_json
from app.users.funnel.figures import Cohort, Figures, Line, figures
from app.users.funnel.span import By, Span, SpanError, parse_span

__all__ = [
    "WITHIN",
    "By",
    "Cohort",
    "Figures",
    "Line",
    "Span",
    "SpanError",
    "as_csv",
    "as_json",
    "figures",
    "parse_span",
]
