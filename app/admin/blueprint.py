"""The blueprint that the pages of this package put their routes on."""

from flask import Blueprint, abort
from flask_login import current_user

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.before_request
def _administrators_only() -> None:
    """To anyone else there is nothing here; asked anew on each request (ASVS 8.3.2)."""
    if not (current_user.is_authenticated and current_user.confirmed and current_user.admin):
        abort(404)
