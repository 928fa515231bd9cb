"""Signing in with a passkey: alone, or as the second step after the password."""

from flask import abort, redirect
from flask.typing import ResponseReturnValue

from app.auth.blueprint import bp
from app.auth.forms import PasskeyForm, RecoveryCodeForm, SecondStepForm
from app.auth.second_step import finish, second_step_page
from app.auth.sign_in import DISABLED, refused_page
from app.flows import passkey_sign_in, second_step
from app.flows.factors import PasskeyRefused
from app.flows.results import ChangedElsewhere, Limited
from app.flows.second_step import SecondStepDone
from app.flows.sign_in import AccountDisabled, SignedIn
from app.security import passkeys
from app.security.passkeys import PasskeyRefusal
from app.users.user import User
from app.web import challenges, pending_sign_in, viewer
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.local_redirect import safe_target
from app.web.pending_sign_in import PendingSignIn
from app.web.shown_again import form_on

# One sentence for all that an unknown passkey and a wrong answer have in common.
_REFUSED = "This passkey could not be used here. Try again, or sign in another way."
_NOT_VERIFIED = (
    "Your device did not check that it is you, so this passkey needs your password too."
    " Sign in with the password first."
)


@bp.get("/login/passkey/options")
def passkey_options() -> ResponseReturnValue:
    """What the browser must sign, as JSON. Only a person who has proved the password, or is signed
    in, gets the ids of passkeys."""
    if not passkeys.offered():
        abort(404)
    pending = pending_sign_in.current()
    user = pending.user if pending else viewer.viewing_account()
    return passkeys.request_options(challenges.issue(), user)


@bp.post("/login/passkey")
@form_on("auth.login")
def passkey() -> ResponseReturnValue:
    """Signs in with the passkey. It must be of the account whose password was proven, if there is
    one."""
    if not passkeys.offered():
        abort(404)
    form = PasskeyForm()
    pending = pending_sign_in.current()
    return _second_step(pending, form) if pending else _alone(form)


def _alone(form: PasskeyForm) -> ResponseReturnValue:
    credential, remember = form.credential.data or "", bool(form.remember.data)
    challenge, client = challenges.take(), current_client()
    match passkey_sign_in.sign_in_with_passkey(credential, challenge, client, remember=remember):
        case SignedIn(user, session):
            viewer.start(user, session, remember=remember)
            return redirect(safe_target(form.next.data))
        case PasskeyRefused(why):
            sentence = _NOT_VERIFIED if why is PasskeyRefusal.NOT_VERIFIED else _REFUSED
            return refused_page(sentence, form.next.data)
        case ChangedElsewhere():
            return refused_page(_REFUSED, form.next.data)
        case AccountDisabled():
            return refused_page(DISABLED, form.next.data)
        case Limited() as refusal:
            return refusal_page(refusal)


def _second_step(pending: PendingSignIn, form: PasskeyForm) -> ResponseReturnValue:
    user, credential = pending.user, form.credential.data or ""
    challenge, client = challenges.take(), current_client()
    match second_step.by_passkey(user, credential, challenge, client, remember=pending.remember):
        case SecondStepDone() as done:
            return finish(pending, done)
        case PasskeyRefused() | ChangedElsewhere():
            return _refused_second_step(user)
        case Limited() as refusal:
            return refusal_page(refusal)


def _refused_second_step(user: User) -> ResponseReturnValue:
    kind = SecondStepForm if user.totp else RecoveryCodeForm
    form = kind(formdata=None)
    form.form_errors.append(_REFUSED)
    return second_step_page(user, form)
