"""Changing the address: the new one has to be proven before it takes effect."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import check_confirmed
from app.account.blueprint import bp
from app.account.forms import EmailChangeForm
from app.clock import utcnow
from app.mongo import users
from app.users.addresses import Address
from app.users.user import User
from app.web import form_page, origin


@bp.route("/email", methods=["GET", "POST"])
@check_confirmed
def email() -> ResponseReturnValue:
    """Asks for a change; the page also shows one that is pending."""
    user: User = current_user.user
    form = EmailChangeForm(user)
    if form.validate_on_submit():
        address = form.email.address
        if users.ask_email_change(user, address, utcnow(), origin()) or _pending(user, address):
            flash(f"A mail is on its way to {address.typed}.", "success")
            return redirect(url_for("account.email"))
        form.form_errors.append("The account was changed elsewhere. Try again.")
    return form_page("account/email.html", form, user=user, pending=user.pending_email)


def _pending(user: User, address: Address) -> bool:
    """Whether another tab has asked for the same change at the same moment."""
    fresh = users.find(user.id)
    pending = fresh.pending_email if fresh else None
    return pending is not None and pending.email_key == address.key


@bp.post("/email/cancel")
@check_confirmed
def cancel_email() -> ResponseReturnValue:
    """Voids a pending change and its link."""
    if users.cancel_email_change(current_user.user, utcnow(), origin()):
        flash("The change is cancelled. Its link no longer works.", "success")
    else:
        flash("No change was pending.", "info")
    return redirect(url_for("account.email"))
