"""Signing out."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.auth.blueprint import bp
from app.web import viewer
from app.web.shown_again import form_on


@bp.post("/logout")
@form_on("main.home")
def logout() -> ResponseReturnValue:
    """Ends this session on the server, so that a copied cookie stops working."""
    viewer.end()
    flash("You are signed out.", "info")
    return redirect(url_for("auth.login"))
