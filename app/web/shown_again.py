"""Shows a refused form again, as the person filled it in, below an alert.

The form does nothing. The page is what a GET shows to this person. The form has the values of this
request, without passwords and without values of other requests.

A form that needs a proof of identity is kept in the cookie, and shown again after the proof. It is
never sent by itself.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeAlias

from flask import Response, current_app, g, request, session
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from pymongo.errors import PyMongoError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from wtforms import PasswordField

from app.mongo import is_outage
from app.users.clock import utcnow

P = ParamSpec("P")
View: TypeAlias = Callable[P, ResponseReturnValue]

# For each view, the endpoint of the page with its form or button.
_PAGES: dict[object, str] = {}

_COOKIE_KEY = "kept_form"
_KEPT_FOR = 15 * 60  # seconds
# Characters of JSON. Browsers drop a cookie that is larger than 4096 bytes.
_LONGEST_KEPT = 1500
# The cookie is signed, not encrypted, so it never has these.
_SECRET = {"csrf_token", "confirm", "code", "credential"}


@dataclass(frozen=True, slots=True)
class Alert:
    """The alert above the form: why the form was refused, and what to do."""

    title: str
    message: str
    action: dict[str, str] | None = None
    """A link to another way: `label` and `url`."""


class Form(FlaskForm):
    """A form that keeps the values of the request when its page is shown again."""

    class Meta(FlaskForm.Meta):
        """Changes where the values come from."""

        action = ""
        """The URL that the form is sent to; needed where its page has several forms."""
        # CSRFProtect checks the token of every POST, and templates write it without a field.
        csrf = False

        def wrap_formdata(self, form: FlaskForm, formdata: object) -> object:
            """Flask-WTF reads the values only in a POST, and a page that is shown again looks like
            a GET."""
            return super().wrap_formdata(form, formdata) or _kept(form, self.action)


def form_on(endpoint: str) -> Callable[[View[P]], View[P]]:
    """Names the page with the form or button of a view that accepts only a POST.

    Every form on that page needs an `action`, because the page may be shown at the view's URL.
    """

    def remember(view: View[P]) -> View[P]:
        _PAGES[view] = endpoint
        return view

    return remember


def page_of_form() -> str | None:
    """The endpoint of the page with the form of this request, or None."""
    rule = request.url_rule
    if rule is None:
        return None
    endpoint: str = rule.endpoint
    if "GET" in (rule.methods or ()):
        return endpoint
    return _PAGES.get(current_app.view_functions[endpoint])


def shown_again(alert: Alert, status: int) -> Response | None:
    """The page with the form, or a redirect for a person who no longer needs the form.

    Returns None if this person may not see the page, if there is no page, or if the database does
    not answer.
    """
    endpoint = page_of_form()
    if endpoint is None:
        return None
    with _as_get(alert):
        try:
            page = _show(endpoint)
        except HTTPException:
            return None
        except PyMongoError as error:
            if not is_outage(error):
                raise
            return None
    if page.location is None:
        page.status_code = status
    return page


def needs_no_form() -> bool:
    """Whether the form is for signing in or up, and the person is signed in already."""
    signs_in = request.endpoint in {"auth.login", "auth.register"}
    return bool(signs_in and current_user.is_authenticated and current_user.confirmed)


def _show(endpoint: str) -> Response:
    """The answer to a GET of the page. The guards of its blueprint run first."""
    blueprint = endpoint.rpartition(".")[0]
    for guard in current_app.before_request_funcs.get(blueprint, ()):
        refusal: Any = guard()
        if refusal is not None:
            return current_app.make_response(refusal)
    arguments = {
        name: value
        for name, value in (request.view_args or {}).items()
        if current_app.url_map.is_endpoint_expecting(endpoint, name)
    }
    answer: Any = current_app.view_functions[endpoint](**arguments)
    return current_app.make_response(answer)


@contextmanager
def _as_get(alert: Alert) -> Iterator[None]:
    """During the block, views see a GET, which changes nothing, and templates see the alert."""
    sent, g.alert_above = request.method, alert
    request.method = "GET"
    try:
        yield
    finally:
        request.method = sent
        del g.alert_above


def keep_form(page: str) -> None:
    """Keeps the values of this request in the cookie, for the page at that URL. A form that is too
    long is not kept."""
    values = [
        [name, value]
        for name, value in request.form.items(multi=True)
        if name not in _SECRET and "password" not in name
    ]
    kept = [_path(page), _here(), int(utcnow().timestamp()), values]
    session.pop(_COOKIE_KEY, None)
    if values and len(json.dumps(kept)) <= _LONGEST_KEPT:
        session[_COOKIE_KEY] = kept


def kept_values(action: str = "") -> MultiDict[str, str] | None:
    """The values that a form of this page had before the proof, once. None if there are none, or
    they are of the form with another `action`."""
    if request.method != "GET":
        return None
    if "kept_form" not in g:
        g.kept_form = _take()
    sent_to, values = g.kept_form
    return values if not action or action == sent_to else None


def _take() -> tuple[str, MultiDict[str, str] | None]:
    match session.get(_COOKIE_KEY):
        case [str(page), str(sent_to), int(kept_on), list(pairs)] if page == _here():
            del session[_COOKIE_KEY]
            fresh = utcnow().timestamp() - kept_on <= _KEPT_FOR
            return sent_to, MultiDict([(name, value) for name, value in pairs]) if fresh else None
        case _:
            return "", None


def _here() -> str:
    return request.script_root + request.path


def _path(url: str) -> str:
    return url.partition("?")[0]


def _kept(form: FlaskForm, action: str) -> MultiDict[str, str] | None:
    if "alert_above" not in g:
        values = kept_values(action)
    else:
        values = request.form if not action or action == _here() else None
    if not values:
        return None
    dropped = {f.name for f in form if isinstance(f, PasswordField)} | {"csrf_token"}
    kept = [(name, value) for name, value in values.items(multi=True) if name not in dropped]
    return MultiDict(kept) if kept else None
