"""The audit log: what happened on which account, from where, and with which outcome.

The steps of the domain publish their events to `record_event`. Other code calls `record` for
everything that is no step on an account, such as a form without its token or a damaged link. The
log adds the time, the request id, the client address and `actor`, the account that is signed in
(`logs.py`). Lines never have a password, token, code, cookie or mail address (ASVS 16.2.5).
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
        account: the account that the event is about; it may differ from the account that is signed
            in.
        details: more fields. Values are our own words and numbers.
    """
    about = {"account": str(account)} if account else {}
    metrics.count_event(event, outcome, details)
    _log.log(_LEVELS[outcome], event, outcome=outcome, **about, **details)


def record_event(event: Event) -> None:
    """Records an event that a step of the domain has published."""
    details: dict[str, str | float | bool] = {"by": event.by} if event.by else {}
    if event.again:
        details["again"] = True
    if event.took is not None:
        details["took"] = event.took.total_seconds()
    refused = event.kind == EventKind.SIGN_IN_REFUSED
    outcome: Outcome = "refused" if refused else "done"
    record(str(event.kind), outcome=outcome, account=event.account, **details)
