"""Deleting the account."""

from flask import flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.account.blueprint import bp
from app.account.forms import DeletionForm
from app.flows import delete as flow
from app.flows.delete import Deleted
from app.flows.results import (
    Busy,
    ChangedElsewhere,
    LastAdministrator,
    Limited,
    WrongPassword,
)
from app.web import viewer
from app.web.access import check_confirmed
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.forms import form_page


@bp.route("/delete", methods=["GET", "POST"])
def delete() -> ResponseReturnValue:
    """The form to delete the account. When it is sent twice, the second answer is the same
    goodbye."""
    signed_out = not current_user.is_authenticated
    if request.method == "POST" and signed_out and viewer.account_is_deleted():
        return _goodbye()
    return _delete()


@check_confirmed
def _delete() -> ResponseReturnValue:
    form = DeletionForm()
    if not form.validate_on_submit():
        return form_page("account/delete.html", form)
    match flow.delete(current_user.user, form.current_password.data or "", current_client()):
        case Deleted():
            return _goodbye()
        case LastAdministrator():
            form.form_errors.append(
                "You are the last administrator. First make somebody else an"
                " administrator, then delete this account."
            )
        case WrongPassword():
            form.refuse_password()
        case ChangedElsewhere():
            form.current_password.errors = ["The account was changed elsewhere. Try again."]
        case Limited() | Busy() as refusal:
            return refusal_page(refusal)
    return form_page("account/delete.html", form)


def _goodbye() -> ResponseReturnValue:
    session.clear()
    flash("Your account is deleted. You get one last mail about it.", "success")
    return redirect(url_for("main.home"))
