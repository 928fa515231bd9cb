"""The blueprint to which the modules of this package add their routes."""

from typing import Any

from flask import Blueprint, abort, current_app, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.users.user import User
from app.web.proof import ask_for_proof, is_proved, viewing_session
from app.web.second_factor_policy import lacks_factor

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.before_request
def _administrators_only() -> None:
    """Anyone else gets a 404. This is checked on each request (ASVS 8.3.2)."""
    if not (current_user.is_authenticated and current_user.confirmed and current_user.admin):
        abort(404)


@bp.before_request
def _second_factor() -> ResponseReturnValue | None:
    """Leads to /profile/security an administrator who must have a second factor and has none, and
    to /reauth one who has not used it in this session, or not in the last ten minutes."""
    user: User = current_user.user
    if lacks_factor(user):
        return redirect(url_for("account.security"))
    session = viewing_session()
    signed_in_with_it = session is not None and session.second_factor
    if user.has_second_factor and not signed_in_with_it and not is_proved():
        return ask_for_proof()
    return None


@bp.context_processor
def _for_the_navigation() -> dict[str, Any]:
    return {"admin_pages": current_app.view_functions}
