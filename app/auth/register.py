"""Registering, and waiting for the mail."""

from datetime import timedelta

from flask import current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from app import sessions
from app.auth.blueprint import bp
from app.auth.forms import RegistrationForm
from app.clock import utcnow
from app.mongo import users
from app.users.passwords import hash_password
from app.users.user import User
from app.web import form_page, origin

# An owner is told of attempts to register their address once an hour, not at every try.
_EXISTS_PAUSE = timedelta(hours=1)


@bp.route("/register", methods=["GET", "POST"])
def register() -> ResponseReturnValue:
    """A new account, or a newer claim on an unconfirmed one; a taken address looks the same."""
    form = RegistrationForm()
    if not form.validate_on_submit():
        if not form.is_submitted() and current_user.is_authenticated and current_user.confirmed:
            return redirect(url_for("main.home"))
        return form_page("auth/register.html", form)
    config = current_app.config
    address, where = form.email.address, origin()
    entry = sessions.new_session(where)
    user = users.register(
        address,
        hash_password(form.password.data or "", config["BCRYPT_LOG_ROUNDS"]),
        entry,
        where,
        timedelta(days=config["UNCONFIRMED_DAYS"]),
    )
    if user is None:
        users.owe_account_exists(address.key, entry.signed_in_on, _EXISTS_PAUSE)
    sessions.start_claim(user, address.typed, entry)
    return redirect(url_for("auth.unconfirmed"))


@bp.get("/unconfirmed")
@login_required
def unconfirmed() -> ResponseReturnValue:
    """Where the unconfirmed land: how things stand and what they can do."""
    if current_user.confirmed:
        return redirect(url_for("main.home"))
    return _where_things_stand(current_user.user)


@bp.get("/unconfirmed/status")
@login_required
def unconfirmed_status() -> ResponseReturnValue:
    """The same for a script."""
    user: User = current_user.user
    return {
        "confirmed": user.confirmed,
        "mail": user.mail_state,
        "resend_in": user.resend_in(current_app.config["RESEND_COOLDOWN"], utcnow()),
    }


@bp.post("/resend")
@login_required
def resend() -> ResponseReturnValue:
    """A new mail; every earlier link becomes worthless."""
    user: User = current_user.user
    if user.confirmed:
        return redirect(url_for("main.home"))
    now, cooldown = utcnow(), current_app.config["RESEND_COOLDOWN"]
    wait = user.resend_in(cooldown, now)
    if wait:
        flash(f"A mail was sent moments ago. You can ask for another in {wait} s.", "warning")
        return _where_things_stand(user), 429, {"Retry-After": str(wait)}
    # Where it finds nothing to change, another tab was first, or this is a decoy: the same answer.
    users.resend(user, now, timedelta(seconds=cooldown))
    sessions.note_resend(now)
    flash("A new mail is on its way. Links in earlier mails no longer work.", "success")
    return redirect(url_for("auth.unconfirmed"))


def _where_things_stand(user: User) -> str:
    return render_template(
        "auth/unconfirmed.html",
        account=user,
        mail={
            "state": user.mail_state,
            "sent_on": user.confirm_mail and user.confirm_mail.sent_on,
            "reason": user.confirm_mail and user.confirm_mail.refused,
        },
        resend_in=user.resend_in(current_app.config["RESEND_COOLDOWN"], utcnow()),
    )
