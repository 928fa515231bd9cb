"""For load balancers and operators: is this process alive, and may it get requests."""

from typing import Any

from flask import Blueprint
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
    """MongoDB answers as writable and its indexes are as declared; names what is not.

    The mail queue is reported, but no reason to be unready: pages work without it.
    """
    problems: list[str] = []
    mail: dict[str, Any] | None = None
    try:
        problems = _database_problems()
        mail = outbox.backlog(utcnow())
    except PyMongoError:
        problems.append("mongodb: does not answer")
    body = {"status": "unready" if problems else "ok", "problems": problems, "mail": mail}
    return body, 503 if problems else 200


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
