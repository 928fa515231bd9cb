"""The metrics for Prometheus; `/metrics` (app/main/prometheus.py) shows them.

Under gunicorn all workers write their numbers into files of one folder, and each worker can add all
of them up (prometheus-client's multiprocess mode; `gunicorn.conf.py` makes the folder). A label has
only a few possible values: the route and not the path; our own words, never text from a client or a
mail server.
"""

import os
from collections.abc import Mapping
from time import perf_counter

from flask import Flask, g, request
from flask.wrappers import Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_registry = CollectorRegistry()
_MINUTE, _HOUR, _DAY = 60, 3600, 86400

REQUESTS = Counter(
    "latchkey_requests",
    "Answers, by route, method and status.",
    ("route", "method", "status"),
    registry=_registry,
)
SECONDS = Histogram(
    "latchkey_request_seconds",
    "From a request's arrival in the app to its answer, by route.",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=_registry,
)
EVENTS = Counter(
    "latchkey_events",
    "Lines of the audit log: registered, confirmed, signed_in, sign_in_refused, limit_hit,"
    " letter_sent and so on; detail is the reason, the rule or the kind of letter.",
    ("event", "outcome", "detail"),
    registry=_registry,
)
CONFIRM_SECONDS = Histogram(
    "latchkey_confirm_seconds",
    "From registering to a confirmed address.",
    buckets=(_MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 6 * _HOUR, _DAY, 7 * _DAY),
    registry=_registry,
)
HASH_SECONDS = Histogram(
    "latchkey_hash_seconds",
    "The time of one bcrypt hash.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5),
    registry=_registry,
)
# A client can send any text as the method.
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_DETAILS = ("reason", "rule", "kind")


def init_app(app: Flask) -> None:
    """Counts and times every request."""
    app.before_request(_begin)
    app.after_request(_count_request)


def _begin() -> None:
    g.began = perf_counter()


def _count_request(response: Response) -> Response:
    sent = request._get_current_object()  # type: ignore[attr-defined]
    route = sent.url_rule.rule if sent.url_rule else "none"
    method = sent.method if sent.method in _METHODS else "other"
    REQUESTS.labels(route, method, response.status_code).inc()
    if "began" in g:
        SECONDS.labels(route).observe(perf_counter() - g.began)
    return response


def count_event(event: str, outcome: str, details: Mapping[str, object]) -> None:
    """Counts a line of the audit log, which calls this for each line."""
    detail = next((str(details[name]) for name in _DETAILS if name in details), "")
    EVENTS.labels(event, outcome, detail).inc()
    if isinstance(took := details.get("took"), float):
        CONFIRM_SECONDS.observe(took)


def observe_hash(seconds: float) -> None:
    """Counts one bcrypt hash."""
    HASH_SECONDS.observe(seconds)


def exposition(*more: CollectorRegistry) -> bytes:
    """The numbers of every process that shares the folder, and those of `more`, as text for
    Prometheus."""
    registry = _registry
    if _FOLDER in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return b"".join(generate_latest(each) for each in (registry, *more))
