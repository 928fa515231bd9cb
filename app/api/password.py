"""Forgotten and changed passwords."""

import secrets

from flask import Response, session
from msgspec import Struct

from app.api.answers import reply
from app.api.authentication import bearer_token, client, signed_in, user_of, viewer_of_request
from app.api.confirmation import LINKS
from app.api.fields import address_of, weak_password, wrong_password
from app.api.operations import Who, operation
from app.api.problems import invalid, link_refused, problem, refused_for_now
from app.api.shapes import Email, LinkToken, NewPassword, Password
from app.flows import change_password as change
from app.flows import reset as flow
from app.flows.change_password import PasswordChanged
from app.flows.opened_link import LinkRefused
from app.flows.reset import PasswordReset, ResetAsked, Resettable
from app.flows.results import Busy, ChangedElsewhere, Limited, WeakPassword, WrongPassword
from app.security import known_browsers
from app.web import viewer
from app.web.session_cookie import browser_key

_TAG = "Password"


class Forgotten(Struct, frozen=True):
    """Whose password."""

    email: Email


class Reset(Struct, frozen=True):
    """A new password, by the link."""

    token: LinkToken
    password: NewPassword


class Change(Struct, frozen=True):
    """A new password, by the current one."""

    current_password: Password
    password: NewPassword


@operation(
    "POST",
    "/password/forgot",
    tag=_TAG,
    status=202,
    body=Forgotten,
    repeatable=True,
    problems=("too_many_attempts",),
)
def forgot_password(body: Forgotten) -> Response:
    """Ask for a link to choose a new password.

    The answer is the same whether the address has an account or not.
    """
    match flow.ask_reset(address_of(body.email).key, client()):
        case ResetAsked():
            return reply(status=202)
        case Limited() as refusal:
            return refused_for_now(refusal)


@operation(
    "POST",
    "/password/reset",
    tag=_TAG,
    status=204,
    body=Reset,
    repeatable=True,
    problems=(*LINKS, "busy"),
)
def reset_password(body: Reset) -> Response:
    """Choose a new password by the mailed link. Every session ends."""
    in_browser, asks = bearer_token() is None, client()
    # A program repeats its request with an Idempotency-Key instead.
    key = browser_key() if in_browser and "csrf_token" in session else secrets.token_hex(16)
    match flow.reset(body.token, user_of(signed_in()), body.password, asks, key):
        case PasswordReset(repeated):
            if in_browser and not repeated:
                known_browsers.remember(asks.device)
            return reply(status=204)
        case WeakPassword(weakness=weakness):
            return invalid(weak_password(weakness))
        case LinkRefused() as refused:
            return link_refused(refused)
        case Resettable():
            return problem("changed_elsewhere")
        case Busy() as refusal:
            return refused_for_now(refusal)


@operation(
    "PUT",
    "/account/password",
    tag=_TAG,
    status=204,
    body=Change,
    who=Who.CONFIRMED,
    problems=("changed_elsewhere", "too_many_attempts", "busy"),
)
def change_password(body: Change) -> Response:
    """Change the password. Every other session ends."""
    found, in_browser = viewer_of_request(), bearer_token() is None
    remember = in_browser and session.permanent
    match change.change_password(
        found.user,
        body.current_password,
        body.password,
        client(),
        session_id=found.session_id,
        remember=remember,
    ):
        case PasswordChanged(entry):
            if in_browser:
                viewer.renew(found.user, entry, remember=remember)
                known_browsers.remember(entry.device)
            return reply(status=204)
        case WeakPassword(weakness=weakness):
            return invalid(weak_password(weakness))
        case WrongPassword():
            return invalid(wrong_password())
        case ChangedElsewhere():
            return problem("changed_elsewhere")
        case (Limited() | Busy()) as refusal:
            return refused_for_now(refusal)
