"""Changing the password."""

from flask import current_app, flash, redirect, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app import devices, sessions
from app.access import check_confirmed
from app.account.blueprint import bp
from app.account.forms import PasswordChangeForm
from app.clock import utcnow
from app.mongo import users
from app.users.passwords import hash_password
from app.users.user import User
from app.web import form_page, origin


@bp.route("/password", methods=["GET", "POST"])
@check_confirmed
def password() -> ResponseReturnValue:
    """Ends every other session; this one goes on under a new id (ASVS 7.4.3)."""
    user: User = current_user.user
    form = PasswordChangeForm(user)
    if not form.validate_on_submit():
        return form_page("account/password.html", form)
    where, remember = origin(), cookie.permanent
    entry = sessions.new_session(where, remember=remember)
    hashed = hash_password(form.password.data or "", current_app.config["BCRYPT_LOG_ROUNDS"])
    if not users.change_password(user, hashed, entry, utcnow(), where):
        form.current_password.errors = ["The password was changed elsewhere. Try again."]
        return form_page("account/password.html", form)
    sessions.renew(user, entry, remember=remember)
    devices.keep(entry.device)
    flash("Your password is changed. Every other browser is signed out.", "success")
    return redirect(url_for("account.profile"))
