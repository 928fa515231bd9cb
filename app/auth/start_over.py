"""The button "Use another address"."""

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth.blueprint import bp
from app.flows import start_over as flow
from app.web import waiting_claim
from app.web.access import check_waiting
from app.web.shown_again import form_on


@bp.post("/unconfirmed/start-over")
@form_on("auth.unconfirmed")
@check_waiting
def start_over() -> ResponseReturnValue:
    """Deletes the unconfirmed account, and shows the sign-up form with the address to correct."""
    flow.start_over(current_user.user, current_user.session_id)
    waiting_claim.leave(current_user.email)
    return redirect(url_for("auth.register"))
