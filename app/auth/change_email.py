"""The links of a change of address: confirming the new one, and restoring the old one."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app.auth.blueprint import bp
from app.auth.forms import PasswordForm
from app.flows import change_email as flow
from app.flows.change_email import EmailChanged, EmailChangeReady, EmailUndone, UndoReady
from app.flows.opened_link import LinkRefused
from app.flows.results import Busy, Limited, WrongPassword
from app.users.user import User
from app.web import pending_sign_in, viewer
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.fields import WRONG_PASSWORD
from app.web.forms import form_page
from app.web.link_outcome_pages import link_outcome_page


@bp.route("/email/confirm/<token>", methods=["GET", "POST"])
def confirm_email(token: str) -> ResponseReturnValue:
    """GET shows a button, POST gives the account the pending address."""
    return _change(token) if request.method == "POST" else _ask_to_change(token)


@bp.route("/email/undo/<token>", methods=["GET", "POST"])
def undo_email(token: str) -> ResponseReturnValue:
    """GET shows a button, POST restores the old address."""
    return _undo(token) if request.method == "POST" else _ask_to_undo(token)


def _ask_to_change(token: str) -> ResponseReturnValue:
    match flow.open_email_change(token, viewer.viewing_account()):
        case EmailChangeReady(_user, pending, is_owner):
            return _confirm_page(PasswordForm(), pending.email, is_owner=is_owner)
        case LinkRefused() as refused:
            return link_outcome_page(refused)


def _change(token: str) -> ResponseReturnValue:
    form, account = PasswordForm(), viewer.viewing_account()
    match flow.confirm_email_change(token, account, form.given(), current_client()):
        case EmailChanged() as changed:
            return _changed(changed)
        case EmailChangeReady(_user, pending, is_owner):
            return _confirm_page(form, pending.email, is_owner=is_owner)
        case WrongPassword(user):
            form.password.errors = [WRONG_PASSWORD]
            return _confirm_page(form, _pending(user))
        case LinkRefused() as refused:
            return link_outcome_page(refused)
        case Limited() | Busy() as refusal:
            return refusal_page(refusal)


def _ask_to_undo(token: str) -> ResponseReturnValue:
    match flow.open_undo(token, viewer.viewing_account()):
        case UndoReady(_user, former):
            return form_page("auth/email_undo.html", FlaskForm(), former_email=former.email)
        case LinkRefused() as refused:
            return link_outcome_page(refused)


def _undo(token: str) -> ResponseReturnValue:
    match flow.undo_email_change(token, viewer.viewing_account(), current_client()):
        case EmailUndone(former, user):
            flash(_restored(former.email, user), "success")
            return redirect(url_for("main.home"))
        case LinkRefused() as refused:
            return link_outcome_page(refused)


def _changed(changed: EmailChanged) -> ResponseReturnValue:
    if changed.session:
        viewer.start(changed.user, changed.session)
    if changed.second_step_due:
        home = url_for("main.home")
        pending_sign_in.begin(changed.user, remember=False, target=home)
    # After `start` and `begin`, which empty the cookie.
    flash(f"Your address is now {changed.user.email}.", "success")
    if changed.second_step_due:
        return redirect(url_for("auth.second_step"))
    return redirect(url_for("account.profile" if changed.is_owner else "main.home"))


def _restored(email: str, user: User | None) -> str:
    other = user and viewer.signed_in_elsewhere(user)
    sentences = [
        f"The account has the address {email} again, and nobody is signed in to it.",
        "A mail with a link to choose a new password is on its way there.",
        *([f"This browser is signed in as {other}."] if other else []),
    ]
    return " ".join(sentences)


def _confirm_page(
    form: PasswordForm, new_email: str, *, is_owner: bool = False
) -> ResponseReturnValue:
    return form_page("auth/email_confirm.html", form, new_email=new_email, is_owner=is_owner)


def _pending(user: User) -> str:
    return user.pending_email.email if user.pending_email else ""
