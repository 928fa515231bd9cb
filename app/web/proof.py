"""Dangerous steps need a proof of identity that is not older than ten minutes (ASVS 7.5.3)."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec
from urllib.parse import urlencode

from flask import current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.users.clock import utcnow
from app.users.login_session import LoginSession
from app.users.user import User
from app.web.shown_again import keep_form, page_of_form

P = ParamSpec("P")


def needs_proof(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Only for people who have proved who they are in the last ten minutes. Others go to /reauth,
    and then back to this page. It stands below the decorator that asks for a confirmed account."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if is_proved():
            return view(*args, **kwargs)
        return ask_for_proof()

    return guarded


def is_proved() -> bool:
    """Whether this session has a proof that is strong enough for the account."""
    user: User = current_user.user
    session = viewing_session()
    return session is not None and session.proved(utcnow(), strongly=user.has_second_factor)


def viewing_session() -> LoginSession | None:
    """The session of the viewer, as stored in the account."""
    user: User = current_user.user
    return user.session(current_user.session_id, utcnow())


def ask_for_proof() -> ResponseReturnValue:
    """A redirect to /reauth, which leads back to the page of this request. A form that was sent is
    kept for that page."""
    page = _page()
    if request.method == "POST":
        keep_form(page)
    return redirect(reauth_url(page))


def reauth_url(page: str) -> str:
    """The URL of the form that asks for the proof and then leads to the page."""
    return f"{url_for('auth.reauth')}?{urlencode({'next': page})}"


def _page() -> str:
    """The URL of this page, or for a route that takes only a POST that of the page with its
    form."""
    endpoint = page_of_form() or "main.home"
    if request.url_rule is not None and endpoint == request.url_rule.endpoint:
        return request.script_root + request.full_path.rstrip("?")
    arguments = {
        name: value
        for name, value in (request.view_args or {}).items()
        if current_app.url_map.is_endpoint_expecting(endpoint, name)
    }
    return url_for(endpoint, **arguments)
