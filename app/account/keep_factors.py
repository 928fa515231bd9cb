"""Cancelling the removal of the second factors, in a signed-in browser."""

from flask import abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.account.blueprint import bp
from app.flows import factor_reset as flow
from app.flows.factor_reset import FactorsKept, NothingWaits
from app.web.access import check_confirmed_without_factor
from app.web.client import current_client
from app.web.shown_again import form_on


@bp.post("/security/keep")
@form_on("account.security")
@check_confirmed_without_factor
def keep_factors() -> ResponseReturnValue:
    """Needs no proof: cancelling gives nobody access."""
    if not flow.is_offered():
        abort(404)
    match flow.keep(current_user.user, current_client()):
        case FactorsKept():
            flash("Your second factors stay. The links in the mails no longer work.", "success")
        case NothingWaits():
            flash("No removal was waiting.", "info")
    return redirect(url_for("account.security"))
