"""Request bodies: pages accept only forms, the API only JSON (see `api/bodies.py`), both up to a
size."""

from flask import Flask, abort, request

from app.web.api_paths import is_for_api

_FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data"}


def init_app(app: Flask) -> None:
    """Refuses other bodies before anything parses them."""
    app.before_request(_refuse_other_bodies)


def _refuse_other_bodies() -> None:
    """Aborts with 413 or 415. Flask-WTF would accept JSON as a form."""
    if request.method not in {"POST", "PUT", "PATCH", "DELETE"}:
        return
    limit = request.max_content_length or 0
    if (request.content_length or 0) > limit:
        abort(413)
    forms_only = not is_for_api()
    has_body = request.content_length or "Transfer-Encoding" in request.headers
    if forms_only and (has_body or request.mimetype) and request.mimetype not in _FORM_TYPES:
        abort(415)
    # Werkzeug reads a body of unknown length up to the limit and drops the rest.
    if request.content_length is None and len(request.get_data()) >= limit:
        abort(413)
    # Flask-WTF would use an uploaded file as the text of a field, and it fails on a field without a
    # name.
    if forms_only and (request.files or None in request.form):
        abort(415)
