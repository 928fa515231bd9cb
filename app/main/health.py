"""For load balancers and operators: whether this process runs, and whether it can serve
requests."""

import re

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from pymongo.errors import PyMongoError

from app.mongo import current_mongo, is_outage, outbox
from app.users import indexes
from app.users.backends import backend_of
from app.users.clock import utcnow

bp = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/live")
def live() -> ResponseReturnValue:
    """The process answers."""
    return {"status": "ok"}


@bp.get("/ready")
def ready() -> ResponseReturnValue:
    """Whether keys are set, MongoDB is writable, and its indexes are as declared; lists the
    problems.

    The mail queue is reported, but it never makes the process unready, because pages work without
    it.
    """
    problems = _missing_keys()
    mail: dict[str, object] | None = None
    try:
        problems += _database_problems()
        mail = _mail()
    except PyMongoError as error:
        problems.append(_database_problem(error))
    body = {"status": "unready" if problems else "ok", "problems": problems, "mail": mail}
    return body, 503 if problems else 200


def _database_problem(error: PyMongoError) -> str:
    if is_outage(error):
        return "mongodb: does not answer"
    current_app.logger.exception("MongoDB refuses a command")
    return "mongodb: refuses a command; the log says which"


def _missing_keys() -> list[str]:
    """Production does not start without keys, but an app that is made in other code may have
    none."""
    names = ("SECRET_KEY", "SECURITY_PASSWORD_SALT")
    return [f"{name}: not set" for name in names if not current_app.config.get(name)]


def _database_problems() -> list[str]:
    database = current_mongo().database
    backend = backend_of(database)
    if backend.in_memory:
        return []
    if not backend.writable(database):
        return ["mongodb: not writable"]
    return [
        f"{name}: {'missing' if state is indexes.State.CREATED else 'not as declared'};"
        " run scripts/create_indexes.py"
        for name, state in indexes.inspect(database)
        if state is not indexes.State.UNCHANGED
    ]


def _mail() -> dict[str, object]:
    stats, trouble = outbox.stats(utcnow()), outbox.blocked()
    return {
        "due": stats.due,
        "oldest_due_seconds": int(stats.overdue) if stats.due else None,
        "blocked": _kind_of_trouble(trouble) if trouble else None,
    }


def _kind_of_trouble(trouble: str) -> str:
    """The kind of trouble. Anybody may read this answer, and the mail server's own words may have
    names of our accounts and hosts. These words are in the worker's log and on the page for
    administrators."""
    if answer := re.match(r"\d{3}\b", trouble):
        reason = f"the mail server refuses our login or sender ({answer[0]})"
    elif "certificate" in trouble.lower():
        reason = "the mail server's certificate is not trusted"
    else:
        reason = "the mail server does not offer what the settings ask for"
    return f"{reason}; scripts/doctor.py and the worker's log say more"
