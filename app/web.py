"""What holds for every request: which bodies are read, which headers go out, where it came from."""

from typing import Any

from flask import Flask, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from flask_wtf import FlaskForm
from secure import (
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    PermissionsPolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
)

from app.users.user import Origin

_FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data"}

# Everything comes from the app itself; Bootstrap's icons are data: URLs in its stylesheet.
_CONTENT = (
    ContentSecurityPolicy()
    .default_src("'none'")
    .script_src("'self'")
    .style_src("'self'")
    .img_src("'self'", "data:")
    .font_src("'self'")
    .connect_src("'self'")
    .form_action("'self'")
    .frame_src("'self'")
    .object_src("'none'")
    .base_uri("'none'")
    .frame_ancestors("'none'")
)
# Made once: they are the same for every answer, but that a mail which is shown brings its own CSP.
_CSP = Secure(csp=_CONTENT).headers
_HEADERS = Secure(
    xcto=XContentTypeOptions().nosniff(),
    # A link's token is in the path: no other page may learn it (ASVS 14.2.1).
    referrer=ReferrerPolicy().no_referrer(),
    coop=CrossOriginOpenerPolicy().same_origin(),
    permissions=PermissionsPolicy().camera().geolocation().microphone(),
).headers
_HTTPS_ONLY = Secure(
    hsts=StrictTransportSecurity().max_age(365 * 86400).include_subdomains()
).headers
_STATIC = {"static", "bootstrap.static"}
_BROWSER_LENGTH = 300


def init_app(app: Flask) -> None:
    """Hooks the checks and the headers in."""
    app.before_request(_refuse_what_is_no_form)
    app.after_request(_add_headers)


def _refuse_what_is_no_form() -> None:
    """413 and 415 before anything parses the body: Flask-WTF would take JSON for a form."""
    if request.method not in {"POST", "PUT", "PATCH", "DELETE"}:
        return
    limit = request.max_content_length or 0
    if (request.content_length or 0) > limit:
        abort(413)
    has_body = request.content_length or "Transfer-Encoding" in request.headers
    if (has_body or request.mimetype) and request.mimetype not in _FORM_TYPES:
        abort(415)
    # Of a body that does not say its length Werkzeug reads what is allowed and drops the rest.
    if request.content_length is None and len(request.get_data()) >= limit:
        abort(413)
    # Flask-WTF would put an uploaded file where a field's text belongs, and trips over no name.
    if request.files or None in request.form:
        abort(415)


def _add_headers(response: Response) -> Response:
    for name, value in _CSP.items():
        response.headers.setdefault(name, value)
    response.headers.extend(_HEADERS)
    if request.endpoint not in _STATIC:
        response.headers.add("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.extend(_HTTPS_ONLY)
    return response


def form_page(template: str, form: FlaskForm, **context: Any) -> ResponseReturnValue:
    """The page of a form: 200 when it is asked for, 422 when what was sent is refused."""
    status = 422 if form.is_submitted() else 200
    return render_template(template, form=form, **context), status


def origin() -> Origin:
    """Where the current request comes from, for the account's trace."""
    browser = request.user_agent.string[:_BROWSER_LENGTH]
    return Origin(request.remote_addr or "", browser)
