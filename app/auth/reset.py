"""Getting back in without the password."""

from dataclasses import replace

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import devices, limits, pace, sessions
from app.auth.blueprint import bp
from app.auth.forms import ForgotForm, ResetForm
from app.auth.opened_link import OpenedLink, open_link
from app.auth.outcomes import Outcome, outcome_page
from app.clock import utcnow
from app.mongo import users
from app.users.links import Purpose
from app.users.passwords import hash_password, verify_password
from app.users.user import ResetDone
from app.web import form_page, origin


@bp.route("/forgot", methods=["GET", "POST"])
def forgot() -> ResponseReturnValue:
    """One step and one answer, whoever has an account."""
    form = ForgotForm()
    if not form.validate_on_submit():
        return form_page("auth/forgot.html", form)
    email_key = form.email.address.key
    limits.allow(limits.by_client("forgot"), limits.mail_to(email_key, "reset"))
    with pace.evenly():
        users.ask_reset(email_key, utcnow(), origin())
    flash(
        "If that address has an account, a mail with a link to choose a new password is on its"
        " way. Only the newest link works.",
        "info",
    )
    return redirect(url_for("auth.login"))


def judge(opened: OpenedLink) -> Outcome:
    """What a reset link comes to. Whoever is signed in here does not matter: it is not used."""
    link, user = opened.link, opened.user
    if opened.damaged:
        return Outcome.DAMAGED
    if user is None or link.version > user.reset_version:
        return Outcome.GONE
    void = user.reset_letter_id is None or link.email_key != user.email_key
    if void or link.version < user.reset_version:
        return Outcome.SUPERSEDED
    return Outcome.EXPIRED if opened.expired else Outcome.READY


def _page(opened: OpenedLink) -> ResponseReturnValue:
    return outcome_page(judge(opened), Purpose.RESET, opened.token, opened.user, opened.viewer)


@bp.route("/reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> ResponseReturnValue:
    """GET asks for the new password, POST sets it; nobody is signed in by it."""
    opened = open_link(Purpose.RESET, token)
    user = opened.user
    if user is None or judge(opened) is not Outcome.READY:
        return _changed() if _repeated(opened) else _page(opened)
    form = ResetForm(user)
    if not form.validate_on_submit():
        return form_page("auth/reset.html", form, email=user.email)
    hashed = hash_password(form.password.data or "", current_app.config["BCRYPT_LOG_ROUNDS"])
    version, browser, device = opened.link.version, sessions.browser_key(), devices.current()
    if not users.reset_password(user, version, hashed, utcnow(), origin(), browser, device):
        opened = replace(opened, user=users.find(user.id))
        return _changed() if _repeated(opened) else _page(opened)
    # So that strangers who guess without end cannot keep out whoever has just come by the mail.
    devices.keep(device)
    return _changed()


def _changed() -> ResponseReturnValue:
    flash("Your password is changed. Sign in with the new one.", "success")
    return redirect(url_for("auth.login"))


def _repeated(opened: OpenedLink) -> bool:
    """Whether this form was sent before by this browser, and took effect: its answer got lost, or
    it was sent twice. Nobody else learns from a used link whether they have guessed a password."""
    user = opened.user
    if request.method != "POST" or user is None:
        return False
    if user.reset_done != ResetDone(opened.link.version, sessions.browser_key()):
        return False
    form = ResetForm(user)
    return form.validate() and verify_password(form.password.data or "", user.password_hash)
