"""The profile."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import check_confirmed
from app.phrases import duration
from app.users.user import User

bp = Blueprint("account", __name__, url_prefix="/profile")


@bp.get("")
@check_confirmed
def profile() -> ResponseReturnValue:
    """The account at a glance."""
    user: User = current_user.user
    took = duration(user.confirmed_on - user.registered_on) if user.confirmed_on else None
    return render_template("account/profile.html", user=user, took=took)
