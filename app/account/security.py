"""How the account is guarded, and the next sensible step."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.account.blueprint import bp
from app.account.forms import PasskeyForm, PasskeyNameForm
from app.flows import second_factors as flow
from app.flows.sessions import sessions_of
from app.security import passkeys
from app.users.second_factors import FEW_RECOVERY_CODES, MAX_PASSKEYS, RECOVERY_CODES
from app.users.user import User
from app.web.access import check_confirmed_without_factor
from app.web.second_factor_policy import everybody_needs_factor, lacks_factor


@bp.get("/security")
@check_confirmed_without_factor
def security() -> ResponseReturnValue:
    """The second factors, and what can be done with them."""
    return security_page(passkey_form())


def passkey_form() -> PasskeyForm:
    """The form that adds a passkey."""
    return PasskeyForm(meta={"action": url_for("account.add_passkey")})


def security_page(
    adding: PasskeyForm, renaming: tuple[str, PasskeyNameForm] | None = None, status: int = 200
) -> ResponseReturnValue:
    """The page, with a form that was refused.

    Args:
        renaming: the handle of a passkey, and the form with its new name.
    """
    user: User = current_user.user
    page = render_template(
        "account/security.html",
        user=user,
        adding=adding,
        renaming=renaming,
        next_step=flow.next_step(user).name,
        codes_left=flow.codes_left(user),
        all_codes=RECOVERY_CODES,
        few_codes=FEW_RECOVERY_CODES,
        may_add_passkey=passkeys.offered() and len(user.passkeys) < MAX_PASSKEYS,
        most_passkeys=MAX_PASSKEYS,
        accepted=passkeys.accepted_credentials(user) if passkeys.offered() else None,
        due=lacks_factor(user),
        due_for_all=everybody_needs_factor(),
        others=len(sessions_of(user)) - 1,
    )
    return page, status
