"""Adding and removing the authenticator app."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.account.blueprint import bp
from app.account.forms import AppForm
from app.account.recovery_codes import first_codes_page
from app.flows import second_factors as flow
from app.flows.factors import WrongCode
from app.flows.results import ChangedElsewhere, Limited
from app.flows.second_factors import FactorAdded, HasAppAlready, NoSuchFactor, Removed
from app.security import totp as codes_of_app
from app.users.user import User
from app.web.access import check_confirmed_without_factor
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.forms import form_page
from app.web.proof import needs_proof
from app.web.shown_again import form_on

_WRONG_CODE = (
    "This is not the code that the app shows for this secret. Wait for the next code. If that is"
    " refused too, set the clock of the phone."
)
_GROUP = 4
CHANGED = "Your second factors were changed a moment ago. Look at them, then try again."


@bp.route("/security/totp", methods=["GET", "POST"])
@check_confirmed_without_factor
@needs_proof
def totp() -> ResponseReturnValue:
    """The secret for an authenticator app; its first right code makes it a second factor."""
    user: User = current_user.user
    if user.totp:
        return _has_app()
    form = AppForm()
    if not form.validate_on_submit():
        return _page(form, user)
    session_id, code = current_user.session_id, form.code.data or ""
    match flow.add_app(user, session_id, code, current_client()):
        case FactorAdded(codes):
            if codes:
                return first_codes_page(codes, "Your authenticator app is set up.")
            flash("Your authenticator app is set up.", "success")
            return redirect(url_for("account.security"))
        case WrongCode():
            form.code.errors = [_WRONG_CODE]
            return _page(form, user)
        case HasAppAlready():
            return _has_app()
        case ChangedElsewhere():
            form.form_errors.append(CHANGED)
            return _page(form, user)
        case Limited() as refusal:
            return refusal_page(refusal)


@bp.post("/security/totp/remove")
@form_on("account.security")
@check_confirmed_without_factor
@needs_proof
def remove_totp() -> ResponseReturnValue:
    """Removes the authenticator app."""
    match flow.remove_app(current_user.user, current_client()):
        case Removed(last):
            flash(f"Your authenticator app is removed.{after_last(last)}", "success")
        case NoSuchFactor():
            flash("There is no authenticator app any more.", "info")
        case ChangedElsewhere():
            flash(CHANGED, "warning")
    return redirect(url_for("account.security"))


def after_last(last: bool) -> str:
    """What follows from removing the last factor."""
    return " From now on your password alone signs in." if last else ""


def _has_app() -> ResponseReturnValue:
    flash("Your authenticator app is set up already. Remove it before you set up another.", "info")
    return redirect(url_for("account.security"))


def _page(form: AppForm, user: User) -> ResponseReturnValue:
    secret = codes_of_app.setup_secret(user, current_user.session_id)
    uri = codes_of_app.otpauth_uri(secret, user)
    groups = [secret[start : start + _GROUP] for start in range(0, len(secret), _GROUP)]
    return form_page(
        "account/totp.html",
        form,
        secret=secret,
        groups=groups,
        uri=uri,
        qr_code=codes_of_app.qr_code(uri),
    )
