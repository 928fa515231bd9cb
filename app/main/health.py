"""For load balancers and operators: is this process alive, and may it get requests."""

import re

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from pymongo.errors import PyMongoError

from app.clock import utcnow
from app.mongo import current_mongo, outbox
from app.users import indexes

bp = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/live")
def live() -> ResponseReturnValue:
    """The process answers."""
    return {"status": "ok"}


@bp.get("/ready")
def ready() -> ResponseReturnValue:
    """Keys are set, MongoDB answers as writable, its indexes are as declared; names what is not.

    The mail queue is reported, but no reason to be unready: pages work without it.
    """
    problems = _missing_keys()
    mail: dict[str, object] | None = None
    try:
        problems += _database_problems()
        mail = _mail()
    except PyMongoError:
        problems.append("mongodb: does not answer")
    body = {"status": "unready" if problems else "ok", "problems": problems, "mail": mail}
    return body, 503 if problems else 200


def _missing_keys() -> list[str]:
    """Production does not start without; an app that was made by hand may have none."""
    names = ("SECRET_KEY", "SECURITY_PASSWORD_SALT")
    return [f"{name}: not set" for name in names if not current_app.config.get(name)]


def _database_problems() -> list[str]:
    database = current_mongo().database
    if indexes.is_mock(database):
        return []
    if not database.command("hello").get("isWritablePrimary"):
        return ["mongodb: not writable"]
    return [
        f"{name}: {'missing' if state is indexes.State.CREATED else 'not as declared'};"
        " run scripts/create_indexes.py"
        for name, state in indexes.inspect(database)
        if state is not indexes.State.UNCHANGED
    ]


def _mail() -> dict[str, object]:
    stock, trouble = outbox.stock(utcnow()), outbox.blocked()
    return {
        "due": stock.due,
        "oldest_due_seconds": int(stock.overdue) if stock.due else None,
        "blocked": _without_words(trouble) if trouble else None,
    }


def _without_words(trouble: str) -> str:
    """Anybody may read this, and the mail server's words name accounts and hosts of ours: they are
    in the worker's log and on the page for administrators, here is what kind of trouble it is."""
    if answer := re.match(r"\d{3}\b", trouble):
        said = f"the mail server refuses our login or sender ({answer[0]})"
    elif "certificate" in trouble.lower():
        said = "the mail server's certificate is not trusted"
    else:
        said = "the mail server does not offer what the settings ask for"
    return f"{said}; scripts/doctor.py and the worker's log say more"
