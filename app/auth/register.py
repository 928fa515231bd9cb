"""Registering."""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth.blueprint import bp
from app.auth.forms import RegistrationForm
from app.flows import address_advice
from app.flows import register as flow
from app.flows.address_advice import Advice
from app.flows.register import AddressTaken, Registered
from app.flows.results import Busy, Limited, WeakPassword
from app.web import viewer, waiting_claim
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.fields import weakness_sentence
from app.web.forms import form_page, profile


@bp.route("/register", methods=["GET", "POST"])
def register() -> ResponseReturnValue:
    """The form to sign up."""
    form = RegistrationForm(email=waiting_claim.kept_address())
    if not form.validate_on_submit():
        if not form.is_submitted() and current_user.is_authenticated and current_user.confirmed:
            return redirect(url_for("main.home"))
        return form_page("auth/register.html", form)
    address = form.email.address
    password = form.password.data or ""
    match flow.register(address, password, current_client(), profile(form)):
        case Registered(user, session) | AddressTaken(user, session):
            viewer.start(user, session)
            waiting_claim.begin(user, session.signed_in_on)
            return redirect(url_for("auth.unconfirmed"))
        case WeakPassword(weakness=weakness):
            form.password.errors = [weakness_sentence(weakness)]
            return form_page("auth/register.html", form)
        case Limited() | Busy() as refusal:
            return refusal_page(refusal)


@bp.post("/register/advice")
def advice() -> ResponseReturnValue:
    """Advice on an address, for the script of the form. A POST, so that no address gets into a
    log."""
    match address_advice.advise(request.form.get("email", ""), current_client()):
        case Advice(suggestion, undeliverable):
            return {"suggestion": suggestion, "undeliverable": undeliverable}
        case Limited() as refusal:
            return refusal_page(refusal)
