"""Signing out."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.auth.blueprint import bp
from app.web import viewer


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """Ends this session on the server, so that a copied cookie stops working."""
    viewer.end()
    flash("You are signed out.", "info")
    return redirect(url_for("auth.login"))
