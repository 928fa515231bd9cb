"""Changing the address: the new one must be confirmed before it takes effect."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.account.blueprint import bp
from app.account.forms import EmailChangeForm
from app.flows import change_email as flow
from app.flows.change_email import (
    EmailChangeAsked,
    EmailChangeCancelled,
    NothingPending,
    SameAddress,
)
from app.flows.results import Busy, ChangedElsewhere, Limited, WrongPassword
from app.users.user import User
from app.web.access import check_confirmed
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.forms import form_page
from app.web.shown_again import form_on


@bp.route("/email", methods=["GET", "POST"])
@check_confirmed
def email() -> ResponseReturnValue:
    """The form to change the address, with the change that is pending."""
    user: User = current_user.user
    form = EmailChangeForm()
    if not form.validate_on_submit():
        return _page(form, user)
    address, password = form.email.address, form.current_password.data or ""
    match flow.ask_email_change(user, address, password, current_client()):
        case EmailChangeAsked():
            flash(f"A mail is on its way to {address.typed}.", "success")
            return redirect(url_for("account.email"))
        case SameAddress():
            form.email.errors = ["This is the address of your account already."]
            return _page(form, user)
        case WrongPassword():
            form.refuse_password()
            return _page(form, user)
        case ChangedElsewhere():
            form.form_errors.append("The account was changed elsewhere. Try again.")
            return _page(form, user)
        case Limited() | Busy() as refusal:
            return refusal_page(refusal)


@bp.post("/email/cancel")
@form_on("account.email")
@check_confirmed
def cancel_email() -> ResponseReturnValue:
    """Ends a pending change and its link."""
    match flow.cancel_email_change(current_user.user, current_client()):
        case EmailChangeCancelled():
            flash("The change is cancelled. Its link no longer works.", "success")
        case NothingPending():
            flash("No change was pending.", "info")
    return redirect(url_for("account.email"))


def _page(form: EmailChangeForm, user: User) -> ResponseReturnValue:
    return form_page("account/email.html", form, user=user, pending=user.pending_email)
