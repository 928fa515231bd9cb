"""Signing in."""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth.blueprint import bp
from app.auth.forms import LoginForm
from app.flows import sign_in as flow
from app.flows.results import Busy, Limited
from app.flows.sign_in import AccountDisabled, NoMatch, SecondStepDue, SignedIn
from app.security import passkeys
from app.users.user import User
from app.web import pending_sign_in, viewer
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.forms import form_page
from app.web.local_redirect import safe_target
from app.web.second_factor_policy import lacks_factor

_NO_MATCH = "Address and password do not match."
DISABLED = "This account is disabled. An administrator of this site can enable it again."


@bp.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """The form to sign in. The earlier session of this browser ends."""
    form = LoginForm(next=request.args.get("next", ""))
    if not form.validate_on_submit():
        if not form.is_submitted() and current_user.is_authenticated and current_user.confirmed:
            return redirect(safe_target(request.args.get("next")))
        return _page(form)
    email_key, remember = form.email.address.key, bool(form.remember.data)
    password = form.password.data or ""
    match flow.sign_in(email_key, password, current_client(), remember=remember):
        case SignedIn(user, session):
            viewer.start(user, session, remember=remember)
            return _go_on(user, form.next.data)
        case SecondStepDue(user):
            pending_sign_in.begin(user, remember=remember, target=safe_target(form.next.data))
            return redirect(url_for("auth.second_step"))
        case NoMatch():
            form.form_errors.append(_NO_MATCH)
            return _page(form)
        case AccountDisabled():
            form.form_errors.append(DISABLED)
            return _page(form)
        case Limited() | Busy() as refusal:
            return refusal_page(refusal)


def refused_page(sentence: str, target: str | None) -> ResponseReturnValue:
    """The sign-in page, after another way to sign in was refused."""
    form = LoginForm(formdata=None, next=target or "")
    form.form_errors.append(sentence)
    return _page(form)


def _page(form: LoginForm) -> ResponseReturnValue:
    return form_page("auth/login.html", form, passkeys=passkeys.offered())


def _go_on(user: User, target: str | None) -> ResponseReturnValue:
    if lacks_factor(user):
        return redirect(url_for("account.security"))
    return redirect(safe_target(target) if user.confirmed else url_for("auth.unconfirmed"))
