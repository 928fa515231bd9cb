"""Choosing a new password by a mailed link."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.auth.blueprint import bp
from app.auth.forms import ForgotForm, ResetForm
from app.flows import reset as flow
from app.flows.opened_link import LinkRefused
from app.flows.reset import PasswordReset, ResetAsked, Resettable
from app.flows.results import Busy, Limited, WeakPassword
from app.security import known_browsers
from app.users.user import User
from app.web import viewer
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.fields import weakness_sentence
from app.web.forms import form_page
from app.web.link_outcome_pages import link_outcome_page
from app.web.session_cookie import browser_key
from app.web.viewer import signed_in_elsewhere


@bp.route("/forgot", methods=["GET", "POST"])
def forgot() -> ResponseReturnValue:
    """The form to ask for the link. The answer is the same for every address."""
    form = ForgotForm()
    if not form.validate_on_submit():
        return form_page("auth/forgot.html", form)
    match flow.ask_reset(form.email.address.key, current_client()):
        case ResetAsked():
            flash(
                "If that address has an account, a mail with a link to choose a new password is on"
                " its way. Only the newest link works.",
                "info",
            )
            return redirect(url_for("auth.login"))
        case Limited() as refusal:
            return refusal_page(refusal)


@bp.route("/reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> ResponseReturnValue:
    """GET shows the form for a new password, POST sets it. The person is not signed in by this."""
    return _save(token) if request.method == "POST" else _ask(token)


def _ask(token: str) -> ResponseReturnValue:
    match flow.open_reset(token, viewer.viewing_account()):
        case Resettable(user):
            return _page(ResetForm(), user)
        case LinkRefused() as refused:
            return link_outcome_page(refused)


def _save(token: str) -> ResponseReturnValue:
    form, client = ResetForm(), current_client()
    match flow.reset(token, viewer.viewing_account(), form.given(), client, browser_key()):
        case PasswordReset(repeated, user):
            if not repeated:
                # From now on the account knows this browser, so guesses by strangers cannot block
                # it.
                known_browsers.remember(client.device)
            flash(_changed(user), "success")
            return redirect(url_for("auth.login"))
        case Resettable(user):
            return _page(form, user)
        case WeakPassword(user, weakness):
            form.password.errors = [weakness_sentence(weakness)]
            return _page(form, user)
        case LinkRefused() as refused:
            return link_outcome_page(refused)
        case Busy() as refusal:
            return refusal_page(refusal)


def _page(form: ResetForm, user: User | None) -> ResponseReturnValue:
    email, other = (user.email, signed_in_elsewhere(user)) if user else ("", None)
    return form_page("auth/reset.html", form, email=email, signed_in_as=other)


def _changed(user: User | None) -> str:
    if user and (other := signed_in_elsewhere(user)):
        return f"The password of {user.email} is changed. This browser is signed in as {other}."
    return "Your password is changed. Sign in with the new one."
