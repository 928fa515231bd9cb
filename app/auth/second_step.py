"""The second step of a sign-in: a code, after the right password."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup

from app.auth.blueprint import bp
from app.auth.forms import RecoveryCodeForm, SecondStepForm
from app.flows import second_step as flow
from app.flows.factors import WrongCode, is_recovery_code
from app.flows.results import ChangedElsewhere, Limited
from app.flows.second_step import SecondStepDone
from app.security import passkeys
from app.users.second_factors import FEW_RECOVERY_CODES
from app.users.user import User
from app.web import pending_sign_in, viewer
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.forms import form_page
from app.web.pending_sign_in import PendingSignIn

_WRONG = "This code is not right, or it was used already. The app shows a new one every 30 seconds."
_WRONG_RECOVERY_CODE = "This is none of your recovery codes, or it was used already."
_CHANGED = (
    "This code was used already, or the account was changed at the same moment. Use another code."
)


@bp.route("/login/second", methods=["GET", "POST"])
def second_step() -> ResponseReturnValue:
    """Asks for a second factor of the account whose password was proven in this browser."""
    pending = pending_sign_in.current()
    if pending is None:
        return _start_again()
    form = _form_of(pending.user)
    if not form.validate_on_submit():
        return second_step_page(pending.user, form)
    typed, trust = form.code.data or "", bool(form.trust_browser.data)
    client, remember = current_client(), pending.remember
    match flow.by_code(pending.user, typed, client, remember=remember, trust=trust):
        case SecondStepDone() as done:
            return finish(pending, done)
        case WrongCode():
            is_recovery = isinstance(form, RecoveryCodeForm)
            form.code.errors = [_WRONG_RECOVERY_CODE if is_recovery else _WRONG]
        case ChangedElsewhere():
            form.code.errors = [_CHANGED]
        case Limited() as refusal:
            return refusal_page(refusal)
    return second_step_page(pending.user, form)


def finish(pending: PendingSignIn, done: SecondStepDone) -> ResponseReturnValue:
    """Signs the browser in, and leads to the page that the person wanted to see."""
    viewer.start(done.user, done.session, remember=pending.remember)
    if done.codes_left is not None:
        # After `start`, which empties the cookie.
        flash(_codes_left(done.codes_left), "warning" if _few(done.codes_left) else "info")
    return redirect(pending.target)


def second_step_page(user: User, form: SecondStepForm) -> ResponseReturnValue:
    """The page with everything that this account can use."""
    other = SecondStepForm if isinstance(form, RecoveryCodeForm) else RecoveryCodeForm
    app_form, recovery_form = form, other(formdata=None)
    recovery_form.code.data = ""  # a form that is shown again would keep the other one's code
    if isinstance(form, RecoveryCodeForm):
        app_form, recovery_form = recovery_form, form
    return form_page(
        "auth/second_step.html",
        form,
        user=user,
        app_form=app_form,
        recovery_form=recovery_form,
        passkeys=passkeys.offered() and bool(user.passkeys),
        trust_days=flow.trust_days(user),
    )


def _form_of(user: User) -> SecondStepForm:
    """The form that was filled in. Both have the same field, so the code decides."""
    filled_in = is_recovery_code(request.form.get("code", ""))
    return RecoveryCodeForm() if filled_in or not user.totp else SecondStepForm()


def _start_again() -> ResponseReturnValue:
    if not current_user.is_authenticated:
        flash("Sign in with your password first. The second step must follow soon.", "info")
    return redirect(url_for("auth.login"))


def _few(codes_left: int) -> bool:
    return codes_left <= FEW_RECOVERY_CODES


def _codes_left(left: int) -> str:
    words = {0: "That was your last recovery code.", 1: "You have one recovery code left."}
    sentence = words.get(left, f"You have {left} recovery codes left.")
    if not _few(left):
        return sentence
    url = url_for("account.recovery_codes")
    return Markup('{} <a href="{}">Make new ones</a>').format(sentence, url)
