"""How registration is going."""

from flask import render_template
from flask.typing import ResponseReturnValue

from app.admin.blueprint import bp


@bp.get("/", strict_slashes=False)
def home() -> ResponseReturnValue:
    """At one look."""
    return render_template("admin/home.html")
