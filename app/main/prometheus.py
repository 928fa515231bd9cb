"""`/metrics`, for Prometheus."""

from datetime import datetime
from hmac import compare_digest

from flask import Blueprint, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge
from pymongo.errors import PyMongoError

from app.mongo import is_outage, outbox
from app.observability.metrics import exposition
from app.users.clock import utcnow

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def metrics() -> ResponseReturnValue:
    """The metrics of every web process on this machine, and the present mail queue from MongoDB;
    404 without the token."""
    token = current_app.config["METRICS_TOKEN"]
    sent = request.headers.get("Authorization", "")
    if not (token and compare_digest(sent.encode(), f"Bearer {token}".encode())):
        abort(404)
    return Response(exposition(_mail_queue(utcnow())), content_type=CONTENT_TYPE_LATEST)


def _mail_queue(now: datetime) -> CollectorRegistry:
    """The numbers of the mail queue. Every machine reports the same, so take the maximum, not the
    sum."""
    registry = CollectorRegistry()
    answers = Gauge("latchkey_mongodb_up", "1 if MongoDB answered just now.", registry=registry)
    try:
        stats = outbox.stats(now)
    except PyMongoError as error:
        if not is_outage(error):
            current_app.logger.exception("MongoDB refuses a command")
        return registry
    answers.set(1)
    for name, help_text, value in (
        (
            "owed",
            "Letters to be sent, now or later; the count ends at 10,000 accounts.",
            stats.owed,
        ),
        ("due", "Letters that should be sent now.", stats.due),
        ("blocked", "Letters that wait for a server or setting to be fixed.", stats.blocked),
        (
            "overdue_seconds",
            "Seconds that the oldest due letter has been due.",
            stats.overdue,
        ),
        ("oldest_seconds", "Seconds since the oldest owed letter was stored.", stats.oldest),
    ):
        Gauge(f"latchkey_letters_{name}", help_text, registry=registry).set(value)
    return registry
