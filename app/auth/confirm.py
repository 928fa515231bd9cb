"""Confirming an address: the link from the mail, and the six digits."""

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth.blueprint import bp
from app.auth.forms import CodeForm, PasswordForm
from app.auth.waiting import waiting_page
from app.flows import confirm as flow
from app.flows.confirm import CodeRefusal, CodeRefused, Confirmable, Confirmed
from app.flows.opened_link import LinkRefused
from app.flows.results import Busy, Limited, WrongPassword
from app.users.user import User
from app.web import viewer, waiting_claim
from app.web.access import check_waiting
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.fields import WRONG_PASSWORD
from app.web.forms import form_page
from app.web.link_outcome_pages import link_outcome_page
from app.web.shown_again import form_on


@bp.route("/confirm/<token>", methods=["GET", "POST"])
def confirm(token: str) -> ResponseReturnValue:
    """GET only shows a button, since mail scanners open links too. POST confirms."""
    return _confirm(token) if request.method == "POST" else _ask(token)


def _ask(token: str) -> ResponseReturnValue:
    match flow.open_confirmation(token, viewer.viewing_account()):
        case Confirmable(user, is_owner):
            return _page(token, user, is_owner=is_owner)
        case LinkRefused() as refused:
            return link_outcome_page(refused)


def _confirm(token: str) -> ResponseReturnValue:
    # The owner's page has only a button.
    password = PasswordForm().given() if "password" in request.form else None
    match flow.confirm_by_link(token, viewer.viewing_account(), password, current_client()):
        case Confirmed(user, session):
            if session:
                viewer.start(user, session)
            return _welcome(user)
        case Confirmable(user, is_owner):
            return _page(token, user, is_owner=is_owner)
        case WrongPassword(user):
            return _page(token, user, error=WRONG_PASSWORD)
        case LinkRefused() as refused:
            return link_outcome_page(refused)
        case Limited() | Busy() as refusal:
            return refusal_page(refusal)


@bp.post("/unconfirmed/code")
@form_on("auth.unconfirmed")
@check_waiting
def code() -> ResponseReturnValue:
    """Confirms by the six digits, in the browser with the waiting page."""
    user: User = current_user.user
    form = CodeForm()
    if not form.validate_on_submit():
        return waiting_page(user, form), 422
    result = flow.confirm_by_code(user, form.code.digits, current_client())
    match result:
        case Confirmed(user):
            return _welcome(user)
        case CodeRefused():
            waiting_claim.record_code_try()
            form.code.errors = [_code_sentence(result)]
            return waiting_page(user, form), 422
        case Limited():
            return refusal_page(result)


def _page(
    token: str, user: User, *, is_owner: bool = False, error: str | None = None
) -> ResponseReturnValue:
    if is_owner:
        return render_template("auth/confirm.html", email=user.email, token=token, is_owner=True)
    form = PasswordForm()
    if form.validate_on_submit() and error:
        form.password.errors = [error]
    return form_page("auth/confirm.html", form, email=user.email, token=token)


def _welcome(user: User) -> ResponseReturnValue:
    waiting_claim.settle()
    flash(f"{user.email} is confirmed. Welcome to {current_app.config['APP_NAME']}.", "success")
    return redirect(url_for("main.home"))


def _code_sentence(refused: CodeRefused) -> str:
    match refused.why:
        case CodeRefusal.NO_TRIES_AT_ALL:
            return "Too many wrong codes. Open the link in the mail instead."
        case CodeRefusal.NO_TRIES_FOR_THIS_MAIL:
            return "Too many wrong codes. Send a new mail and use its code or its link."
        case CodeRefusal.EXPIRED:
            return "This code has expired. Send a new mail and use its code or its link."
        case CodeRefusal.WRONG:
            left = refused.tries_left
            tries = "one try" if left == 1 else f"{left} tries"
            return f"This is not the code in the newest mail. You have {tries} left."
