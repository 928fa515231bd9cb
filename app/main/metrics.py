"""`/metrics`: for Prometheus, which shows its token."""

from datetime import datetime

from flask import Blueprint, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge
from pymongo.errors import PyMongoError

from app.clock import utcnow
from app.metrics import exposition, may_read
from app.mongo import outbox

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Numbers of every web process here, and the mail queue as MongoDB has it now; to whoever does
    not have the token there is nothing."""
    authorization = request.headers.get("Authorization", "")
    if not may_read(authorization, current_app.config["METRICS_TOKEN"]):
        abort(404)
    return Response(exposition(_mail_queue(utcnow())), content_type=CONTENT_TYPE_LATEST)


def _mail_queue(now: datetime) -> CollectorRegistry:
    """The same wherever it is asked for: do not add it up over machines, take the largest."""
    registry = CollectorRegistry()
    answers = Gauge("latchkey_mongodb_up", "1 if MongoDB answered just now.", registry=registry)
    try:
        stock = outbox.stock(now)
    except PyMongoError:
        return registry
    answers.set(1)
    for name, help_text, value in (
        (
            "owed",
            "Letters to be sent, now or later; the count ends at 10,000 accounts.",
            stock.owed,
        ),
        ("due", "Letters that are to be sent now.", stock.due),
        ("blocked", "Letters that wait for a mended server or setting.", stock.blocked),
        ("overdue_seconds", "For how long the oldest due letter has been due.", stock.overdue),
        ("oldest_seconds", "Since when the oldest owed letter has been owed.", stock.oldest),
    ):
        Gauge(f"latchkey_letters_{name}", help_text, registry=registry).set(value)
    return registry
