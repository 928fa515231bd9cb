"""The funnel: who confirms, how soon, and what became of the others.

The page of administrators and `scripts/report.py` show what `figures.figures` returns. MongoDB
counts with indexes that contain every field it needs, so it reads no documents of accounts.
"""
