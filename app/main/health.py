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
from app.users.outbox import Blockage
from app.users.refusals import Trouble

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
    return "mongodb: refuses a command; see the log"


def _missing_keys() -> list[str]:
    """Production does not start without keys, but other code may make an app without them."""
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
    stats, blockage = outbox.stats(utcnow()), outbox.blocked()
    return {
        "due": stats.due,
        "oldest_due_seconds": int(stats.overdue) if stats.due else None,
        "blocked": _without_words(blockage) if blockage else None,
    }


# None is for an older version, which stored no kind of trouble.
_SENTENCES = {
    Trouble.REFUSED: "the mail server refuses our login, sender or messages",
    Trouble.ALIKE: "the mail server refuses recipients in unrelated domains with the same words",
    Trouble.SIGN_IN: "the mail server does not let us sign in",
    Trouble.CERTIFICATE: "the mail server's certificate is not trusted",
    Trouble.ENCRYPTION: "the mail server does not support TLS as the settings ask for",
    Trouble.UNREACHABLE: "the mail server cannot be reached",
    None: "the mail server does not offer what the settings ask for",
}


def _without_words(blockage: Blockage) -> str:
    """A sentence for the kind of trouble, without the mail server's words.

    Anybody may read this answer, and the words may name our accounts and hosts. The worker's log
    and the page for administrators have the words.
    """
    trouble, answer = blockage.trouble, re.match(r"\d{3}\b", blockage.words)
    if trouble is None and answer:
        trouble = Trouble.REFUSED
    elif trouble is None and "certificate" in blockage.words.lower():
        trouble = Trouble.CERTIFICATE
    code = f" ({answer[0]})" if answer else ""
    return f"{_SENTENCES[trouble]}{code}; see scripts/doctor.py and the worker's log"
