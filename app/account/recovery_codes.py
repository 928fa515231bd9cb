"""Recovery codes: how many are left, and ten new ones. They are shown once."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm

from app.account.blueprint import bp
from app.flows import second_factors as flow
from app.flows.results import ChangedElsewhere
from app.flows.second_factors import CodesMade, NoSuchFactor
from app.flows.sessions import sessions_of
from app.users.user import User
from app.web.access import check_confirmed_without_factor
from app.web.client import current_client
from app.web.forms import form_page
from app.web.proof import needs_proof


@bp.route("/security/recovery-codes", methods=["GET", "POST"])
@check_confirmed_without_factor
@needs_proof
def recovery_codes() -> ResponseReturnValue:
    """GET says how many codes are left, POST makes ten new ones."""
    user: User = current_user.user
    form = FlaskForm()
    if not user.has_second_factor:
        return _without_factor()
    if not form.validate_on_submit():
        return _page(form, user)
    match flow.make_codes(user, current_client()):
        case CodesMade(codes):
            return _codes_page(codes, "Your old codes no longer work.", first=False)
        case NoSuchFactor():
            return _without_factor()
        case ChangedElsewhere():
            form.form_errors.append("Your second factors were changed a moment ago. Try again.")
            return _page(form, user)


def first_codes_page(codes: list[str], done: str) -> ResponseReturnValue:
    """The ten codes of a person who has added the first factor.

    Args:
        done: what was added, as a sentence.
    """
    return _codes_page(codes, done, first=True)


def _codes_page(codes: list[str], done: str, *, first: bool) -> ResponseReturnValue:
    user: User = current_user.user
    others = len(sessions_of(user)) - 1
    return render_template(
        "account/new_codes.html", codes=codes, done=done, first=first, others=others, user=user
    )


def _page(form: FlaskForm, user: User) -> ResponseReturnValue:
    made = user.recovery_codes.made_on if user.recovery_codes else None
    left = flow.codes_left(user)
    return form_page("account/recovery_codes.html", form, left=left, made=made)


def _without_factor() -> ResponseReturnValue:
    flash("Recovery codes come with your first second factor. Add one first.", "info")
    return redirect(url_for("account.security"))
