"""Adding, naming and removing passkeys."""

from flask import abort, flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.account.blueprint import bp
from app.account.forms import PasskeyForm, PasskeyNameForm
from app.account.recovery_codes import first_codes_page
from app.account.security import passkey_form, security_page
from app.account.totp import CHANGED, after_last
from app.flows import second_factors as flow
from app.flows.results import ChangedElsewhere, Limited
from app.flows.second_factors import (
    CreationRefused,
    FactorAdded,
    NoSuchFactor,
    NotAdded,
    Removed,
    Renamed,
    TooManyPasskeys,
)
from app.security import passkeys
from app.security.passkeys import PasskeyRefusal
from app.users.second_factors import MAX_PASSKEYS
from app.users.user import User
from app.web import challenges
from app.web.access import check_confirmed_without_factor
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.humanize import browser_name
from app.web.proof import is_proved, needs_proof, reauth_url
from app.web.shown_again import form_on

_STALE = "This took too long. Create the passkey again."
_INVALID = "The browser has not sent a passkey that works here. Create it again."
_NOT_ADDED = (
    "This passkey was not added. It is in use already, or your second factors were changed a"
    " moment ago."
)
_TOO_MANY = f"An account has {MAX_PASSKEYS} passkeys at most. Remove one before you add another."


@bp.get("/security/passkeys/options")
@check_confirmed_without_factor
def passkey_options() -> ResponseReturnValue:
    """The options for `navigator.credentials.create`, as JSON. The browser may make the passkey
    without asking the person when the query has `mode=conditional`."""
    if not passkeys.offered():
        abort(404)
    if not is_proved():
        return jsonify(error="proof", reauth=reauth_url(url_for("account.security"))), 403
    user: User = current_user.user
    challenge = challenges.issue(conditional=request.args.get("mode") == "conditional")
    return jsonify(passkeys.creation_options(user, challenge))


@bp.post("/security/passkeys")
@form_on("account.security")
@check_confirmed_without_factor
@needs_proof
def add_passkey() -> ResponseReturnValue:
    """Adds the passkey that the browser has made."""
    if not passkeys.offered():
        abort(404)
    user: User = current_user.user
    form, client, challenge = passkey_form(), current_client(), challenges.take()
    match flow.add_passkey(
        user,
        current_user.session_id,
        form.credential.data or "",
        challenge,
        client,
        form.name.data or "",
        browser_name(client.browser),
    ):
        case FactorAdded(codes):
            if codes:
                return first_codes_page(codes, "Your passkey is ready.")
            flash("Your passkey is ready. It signs you in without a password.", "success")
            return redirect(url_for("account.security"))
        case CreationRefused(PasskeyRefusal.STALE):
            return _refused(form, _STALE)
        case CreationRefused():
            return _refused(form, _INVALID)
        case NotAdded():
            return _refused(form, _NOT_ADDED)
        case TooManyPasskeys():
            return _refused(form, _TOO_MANY)
        case Limited() as refusal:
            return refusal_page(refusal)


@bp.post("/security/passkeys/<handle>/rename")
@form_on("account.security")
@check_confirmed_without_factor
def rename_passkey(handle: str) -> ResponseReturnValue:
    """Gives a passkey another name."""
    form = PasskeyNameForm(meta={"action": request.script_root + request.path})
    user: User = current_user.user
    if user.passkey(handle) is None:
        abort(404)
    if not form.validate():
        return security_page(passkey_form(), renaming=(handle, form), status=422)
    match flow.rename_passkey(user, handle, form.name.data or ""):
        case Renamed():
            flash("The passkey has its new name.", "success")
        case NoSuchFactor():
            abort(404)
    return redirect(url_for("account.security"))


@bp.post("/security/passkeys/<handle>/remove")
@form_on("account.security")
@check_confirmed_without_factor
@needs_proof
def remove_passkey(handle: str) -> ResponseReturnValue:
    """Removes a passkey."""
    match flow.remove_passkey(current_user.user, handle, current_client()):
        case Removed(last, name):
            flash(f"The passkey “{name}” is removed.{after_last(last)}", "success")
        case NoSuchFactor():
            abort(404)
        case ChangedElsewhere():
            flash(CHANGED, "warning")
    return redirect(url_for("account.security"))


@bp.post("/security/passkeys/offer/dismiss")
@form_on("main.home")
@check_confirmed_without_factor
def dismiss_passkey_offer() -> ResponseReturnValue:
    """Never offers a passkey again after a sign-in."""
    flow.dismiss_offer(current_user.user)
    return redirect(url_for("main.home"))


def _refused(form: PasskeyForm, sentence: str) -> ResponseReturnValue:
    form.form_errors.append(sentence)
    return security_page(form, status=422)
