"""The security log: what happened, to which account, from where, and how it ended.

The one place where a happening becomes a line and a count. The steps of the domain tell theirs to
`hear`; what is no step of an account (a form without its token, a damaged link) is noted where it
is decided. The line's time, request id, client address and `actor`, whoever is signed in, come with
the log (`app/logs.py`). No password, token, code, cookie or mail address is ever given to it
(ASVS 16.2.5).
"""

import logging
from typing import Literal

from bson import ObjectId

from app import logs, metrics
from app.users.happenings import Happening
from app.users.user import EventKind

Outcome = Literal["done", "refused", "failed"]
_LEVELS = {"done": logging.INFO, "refused": logging.WARNING, "failed": logging.ERROR}

_log = logs.logger("app.security")


def note(
    event: str,
    *,
    outcome: Outcome = "done",
    account: ObjectId | None = None,
    **details: str | float | bool,
) -> None:
    """Writes one line, and counts it.

    Args:
        event: one of a fixed set of words, as in docs and code.
        outcome: `done`, `refused` (we, or a mail server, would not), or `failed` (it went wrong,
            and an operator should look).
        account: whom it is about; not always whoever is signed in.
        details: more fields, of our own words and numbers.
    """
    about = {"account": str(account)} if account else {}
    metrics.count_event(event, outcome, details)
    _log.log(_LEVELS[outcome], event, outcome=outcome, **about, **details)


def hear(happening: Happening) -> None:
    """Notes what a step of the domain tells."""
    details: dict[str, str | float | bool] = {"by": happening.by} if happening.by else {}
    if happening.again:
        details["again"] = True
    if happening.took is not None:
        details["took"] = happening.took.total_seconds()
    refused = happening.kind == EventKind.SIGN_IN_REFUSED
    note(
        str(happening.kind),
        outcome="refused" if refused else "done",
        account=happening.account,
        **details,
    )
