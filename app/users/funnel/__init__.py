"""How registration is going: who confirms, how soon, and what became of the others.

`figures` is what a page and `scripts/report.py` show; MongoDB counts, by indexes that hold all that
is counted, and nothing is loaded per account.
"""

from app.users.funnel.figures import Cohort, Figures, Line, figures
from app.users.funnel.span import By, Span, SpanError, parse_span

__all__ = ["By", "Cohort", "Figures", "Line", "Span", "SpanError", "figures", "parse_span"]
