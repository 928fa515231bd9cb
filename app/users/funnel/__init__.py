"""The funnel: who confirms, how soon, and what became of the others.

`figures.figures` is what a page and `scripts/report.py` show. MongoDB counts, by indexes that hold
everything that is counted; nothing is loaded per account.
"""
