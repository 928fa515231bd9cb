"""Proving again who one is, before a dangerous step."""

from flask import redirect, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth.blueprint import bp
from app.auth.forms import ProofForm
from app.flows import prove as flow
from app.flows.factors import PasskeyRefused, WrongCode
from app.flows.prove import NotEnough, Proved, UsedMeanwhile
from app.flows.results import Busy, ChangedElsewhere, Limited, WrongPassword
from app.security import passkeys
from app.users.user import User
from app.web import challenges
from app.web.access import check_confirmed_without_factor
from app.web.client import current_client
from app.web.error_pages import refusal_page
from app.web.fields import WRONG_PASSWORD
from app.web.forms import form_page
from app.web.local_redirect import safe_target

_WRONG_CODE = "This code is wrong, or it was used before. Take the newest one."
_USED = "This was used a moment ago. Wait for the next code, or use a passkey."
_PASSKEY_REFUSED = "The passkey was not accepted. Try again, or use a code."
_NOT_ENOUGH = "A password is not enough here. Use a code or a passkey."


@bp.route("/reauth", methods=["GET", "POST"])
@check_confirmed_without_factor
def reauth() -> ResponseReturnValue:
    """The form that asks for a proof, and leads back to the page that needs it."""
    form = ProofForm(next=request.args.get("next", ""))
    if not form.validate_on_submit():
        return _page(form)
    match _prove(form):
        case Proved():
            return redirect(safe_target(form.next.data))
        case WrongPassword():
            form.current_password.errors = [WRONG_PASSWORD]
        case ChangedElsewhere():
            form.current_password.errors = ["The account was changed elsewhere. Try again."]
        case NotEnough():
            form.code.errors = [_NOT_ENOUGH]
        case WrongCode():
            form.code.errors = [_WRONG_CODE]
        case UsedMeanwhile():
            form.code.errors = [_USED]
        case PasskeyRefused():
            form.form_errors.append(_PASSKEY_REFUSED)
        case Limited() | Busy() as refusal:
            return refusal_page(refusal)
    return _page(form)


def _prove(
    form: ProofForm,
) -> (
    Proved
    | WrongPassword
    | ChangedElsewhere
    | NotEnough
    | WrongCode
    | UsedMeanwhile
    | PasskeyRefused
    | Limited
    | Busy
):
    """Checks what was filled in: the passkey, else the code, else the password."""
    user, session_id, client = current_user.user, current_user.session_id, current_client()
    if form.credential.data:
        answer, challenge = form.credential.data, challenges.take()
        return flow.prove_by_passkey(user, session_id, answer, challenge, client)
    password = form.current_password.data or ""
    if form.code.data or not (password or flow.password_is_enough(user, session_id)):
        return flow.prove_by_code(user, session_id, form.code.data or "", client)
    return flow.prove_by_password(user, session_id, password, client)


def _page(form: ProofForm) -> ResponseReturnValue:
    user: User = current_user.user
    return form_page(
        "auth/reauth.html",
        form,
        user=user,
        with_code=user.has_second_factor,
        with_passkey=bool(user.passkeys) and passkeys.offered(),
        with_password=flow.password_is_enough(user, current_user.session_id),
    )
