"""The audit log: what happened, to which account, from where, and how it ended.

Every line is written and counted here. The steps of the domain publish their events to
`record_event`. What is not a step on an account (a form without its token, a damaged link) is
recorded where it is decided. The log adds the time, the request id, the client address and `actor`,
the account that is signed in (`logs.py`). Lines never have a password, token, code, cookie or mail
address (ASVS 16.2.5).
"""

import logging
from typing import Literal

from bson import ObjectId

from app.observability import logs, metrics
from app.users.events import Event, EventKind

Outcome = Literal["done", "refused", "failed"]
_LEVELS = {"done": logging.INFO, "refused": logging.WARNING, "failed": logging.ERROR}

_log = logs.logger("app.security")


def record(
    event: str,
    *,
    outcome: Outcome = "done",
    account: ObjectId | None = None,
    **details: str | float | bool,
) -> None:
    """Writes one line, and counts it.

    Args:
        event: one of a fixed set of words, see docs/security.md.
        outcome: `done`, `refused` (by us or a mail server), or `failed` (an operator should look).
        account: the account that it is about; not always the one that is signed in.
        details: more fields, with our own words and numbers.
    """
    about = {"account": str(account)} if account else {}
    metrics.count_event(event, outcome, details)
    _log.log(_LEVELS[outcome], event, outcome=outcome, **about, **details)


def record_event(event: Event) -> None:
    """Records what a step of the domain has published."""
    details: dict[str, str | float | bool] = {"by": event.by} if event.by else {}
    if event.again:
        details["again"] = True
    if event.took is not None:
        details["took"] = event.took.total_seconds()
    refused = event.kind == EventKind.SIGN_IN_REFUSED
    outcome: Outcome = "refused" if refused else "done"
    record(str(event.kind), outcome=outcome, account=event.account, **details)
