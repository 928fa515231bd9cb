"""Changing the password."""

from flask import flash, redirect, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.account.blueprint import bp
from app.account.forms import PasswordChangeForm
from app.flows import change_password as flow
from app.flows.change_password import PasswordChanged
from app.flows.results import Busy, ChangedElsewhere, Limited, WeakPassword, WrongPassword
from app.security import known_browsers
from app.users.user import User
from app.web import viewer
from app.web.access import check_confirmed
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.fields import weakness_sentence
from app.web.forms import form_page


@bp.route("/password", methods=["GET", "POST"])
@check_confirmed
def password() -> ResponseReturnValue:
    """The form to change the password. Every other session ends."""
    user: User = current_user.user
    form = PasswordChangeForm()
    if not form.validate_on_submit():
        return form_page("account/password.html", form)
    current, new = form.current_password.data or "", form.password.data or ""
    remember, session_id = session.permanent, current_user.session_id
    match flow.change_password(
        user, current, new, current_client(), session_id=session_id, remember=remember
    ):
        case PasswordChanged(entry):
            viewer.renew(user, entry, remember=remember)
            known_browsers.remember(entry.device)
            flash("Your password is changed. Every other browser is signed out.", "success")
            return redirect(url_for("account.profile"))
        case WeakPassword(weakness=weakness):
            form.password.errors = [weakness_sentence(weakness)]
        case WrongPassword():
            form.refuse_password()
        case ChangedElsewhere():
            form.current_password.errors = ["The password was changed elsewhere. Try again."]
        case Limited() | Busy() as refusal:
            return refusal_page(refusal)
    return form_page("account/password.html", form)
