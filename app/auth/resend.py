"""Asking for another confirmation mail."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth.blueprint import bp
from app.auth.waiting import waiting_page
from app.flows import resend as flow
from app.flows.opened_link import LinkRefused
from app.flows.resend import Resent, SignUpAgain, TooSoon
from app.flows.results import Limited
from app.web import viewer, waiting_claim
from app.web.access import check_waiting
from app.web.client import current_client
from app.web.error_pages import ask_to_wait, refusal_page
from app.web.link_outcome_pages import link_outcome_page
from app.web.shown_again import form_on


@bp.post("/resend")
@form_on("auth.unconfirmed")
@check_waiting
def resend() -> ResponseReturnValue:
    """A new mail for the person who waits."""
    match flow.resend(current_user.user, current_client()):
        case Resent(_user, asked_on):
            waiting_claim.record_resend(asked_on)
            flash("A new mail is on its way. Links in earlier mails no longer work.", "success")
            return redirect(url_for("auth.unconfirmed"))
        case TooSoon(user, wait):
            flash(f"A mail was sent moments ago. You can ask for another in {wait} s.", "warning")
            return ask_to_wait(waiting_page(user), 429, wait)
        case Limited() as refusal:
            return refusal_page(refusal)


@bp.post("/confirm/<token>/again")
@form_on("auth.confirm")
def confirm_again(token: str) -> ResponseReturnValue:
    """A new mail for a person whose link came too late. The person need not type the address
    again."""
    match flow.resend_by_link(token, viewer.viewing_account(), current_client()):
        case Resent(user, _asked_on, is_owner):
            flash(f"A new mail to {user.email} is on its way. Open its link.", "success")
            return redirect(url_for("auth.unconfirmed" if is_owner else "main.home"))
        case TooSoon(_user, wait):
            return _sent_moments_ago(wait)
        case SignUpAgain(email):
            waiting_claim.keep_address(email)
            return redirect(url_for("auth.register"))
        case LinkRefused() as refused:
            return link_outcome_page(refused)
        case Limited() as refusal:
            return refusal_page(refusal)


def _sent_moments_ago(wait: int) -> ResponseReturnValue:
    page = render_template(
        "auth/outcome.html",
        title="A mail was sent moments ago",
        alert="warning",
        message=f"Look for it in your mailbox. You can ask for another in {wait} s.",
        action={"label": "Home", "url": url_for("main.home"), "method": "get"},
    )
    return ask_to_wait(page, 429, wait)
