"""Shows a refused form again, as the person filled it in, below an alert.

The form does nothing. The page is what a GET shows to this person. The form has the values of this
request, without passwords and without values of other requests.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeAlias

from flask import Response, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from pymongo.errors import PyMongoError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from wtforms import PasswordField

from app.mongo import is_outage

P = ParamSpec("P")
View: TypeAlias = Callable[P, ResponseReturnValue]

# For each view, the endpoint of the page with its form or button.
_PAGES: dict[object, str] = {}


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

        # CSRFProtect checks the token of every POST, and templates write it without a field.
        csrf = False

        def wrap_formdata(self, form: FlaskForm, formdata: object) -> object:
            """Flask-WTF reads the values only in a POST, and a page that is shown again looks like
            a GET."""
            return super().wrap_formdata(form, formdata) or _kept(form)


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
    own_page = request.url_rule is not None and page_of_form() == request.url_rule.endpoint
    return bool(own_page and current_user.is_authenticated and current_user.confirmed)


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


def _kept(form: FlaskForm) -> MultiDict[str, str] | None:
    if "alert_above" not in g:
        return None
    dropped = {f.name for f in form if isinstance(f, PasswordField)} | {"csrf_token"}
    kept = [(name, value) for name, value in request.form.items(multi=True) if name not in dropped]
    return MultiDict(kept) if kept else None
