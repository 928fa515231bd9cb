"""Waiting for the confirmation mail."""

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from app.auth.blueprint import bp
from app.auth.forms import CodeForm
from app.flows.waiting import confirmation_status
from app.users.address_advice import did_you_mean
from app.users.user import User
from app.web.access import check_waiting


@bp.get("/unconfirmed")
@check_waiting
def unconfirmed() -> ResponseReturnValue:
    """Shows the state of the mail and what the person can do."""
    return waiting_page(current_user.user)


@bp.get("/unconfirmed/status")
@login_required
def unconfirmed_status() -> ResponseReturnValue:
    """The same state, for the script of the page."""
    status = confirmation_status(current_user.user)
    return {
        "confirmed": status.confirmed,
        "mail": status.mail,
        "sent_on": status.sent_on.isoformat() if status.sent_on else None,
        "resend_in": status.resend_in,
    }


def waiting_page(user: User, form: CodeForm | None = None) -> str:
    """The waiting page. `form` is a code form that was refused."""
    return render_template(
        "auth/unconfirmed.html",
        account=user,
        form=form or CodeForm(formdata=None),
        status=confirmation_status(user),
        suggestion=did_you_mean(user.email),
    )
