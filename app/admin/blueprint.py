"""The blueprint to which the modules of this package add their routes."""

from typing import Any

from flask import Blueprint, abort, current_app
from flask_login import current_user

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.before_request
def _administrators_only() -> None:
    """Anyone else gets a 404. This is checked on each request (ASVS 8.3.2)."""
    if not (current_user.is_authenticated and current_user.confirmed and current_user.admin):
        abort(404)


@bp.context_processor
def _for_the_navigation() -> dict[str, Any]:
    return {"admin_pages": current_app.view_functions}
