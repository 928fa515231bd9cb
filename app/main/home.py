"""The home page."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.web import viewer
from app.web.passkey_offer import passkey_offer
from app.web.second_factor_policy import lacks_factor

bp = Blueprint("main", __name__)


@bp.get("/")
def home() -> ResponseReturnValue:
    """The home page, for everybody."""
    user = viewer.viewing_account()
    return render_template(
        "main/home.html",
        passkey_offer=passkey_offer(),
        factor_due=user is not None and lacks_factor(user),
    )
