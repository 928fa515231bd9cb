"""The button "I did not sign up"."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.auth.blueprint import bp
from app.flows import disown as flow
from app.flows.disown import Disowned
from app.flows.opened_link import LinkRefused
from app.web import viewer
from app.web.link_outcome_pages import link_outcome_page
from app.web.shown_again import form_on


@bp.post("/confirm/<token>/disown")
@form_on("auth.confirm")
def disown(token: str) -> ResponseReturnValue:
    """Deletes the unconfirmed account when the owner of the mailbox did not sign up."""
    # Loads the account that is signed in, so that the log has it. The result does not depend on it.
    viewer.viewing_account()
    match flow.disown(token):
        case Disowned():
            flash("The account is removed. Nobody can use your address here.", "success")
            return redirect(url_for("main.home"))
        case LinkRefused() as refused:
            return link_outcome_page(refused)
