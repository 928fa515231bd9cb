"""Confirming an address: the link from the mail.

Opening it changes nothing, whoever or whatever does (mail scanners open links). A click proves the
mailbox, not who chose the password: so confirming needs the account's own session or its password.
"""

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth import sessions
from app.auth.blueprint import bp
from app.auth.forms import PasswordForm
from app.auth.outcomes import Outcome, outcome_page
from app.clock import utcnow
from app.links import link_signer
from app.mongo import users
from app.users.links import Link, Purpose, Reading
from app.users.passwords import verify_password
from app.users.user import User
from app.web import form_page, origin


def judge(link: Link, user: User | None, viewer: User | None) -> Outcome:
    """What the link comes to, for the account that it names and the person who opened it."""
    if link.reading is Reading.DAMAGED:
        return Outcome.DAMAGED
    if user is None or link.version > user.token_version:
        return Outcome.GONE
    if user.confirmed:
        same = link.email_key == user.email_key
        return Outcome.ALREADY_CONFIRMED if same else Outcome.GONE
    if viewer and viewer.id != user.id:
        return Outcome.ANOTHER_ACCOUNT
    if link.version < user.token_version:
        return Outcome.SUPERSEDED
    return Outcome.EXPIRED if link.reading is Reading.EXPIRED else Outcome.READY


def _viewer() -> User | None:
    """Whoever is really signed in: a decoy is nobody."""
    if not current_user.is_authenticated or current_user.decoy:
        return None
    user: User = current_user.user
    return user


def _account(link: Link, viewer: User | None) -> User | None:
    if link.user_id is None:
        return None
    return viewer if viewer and viewer.id == link.user_id else users.find(link.user_id)


@bp.route("/confirm/<token>", methods=["GET", "POST"])
def confirm(token: str) -> ResponseReturnValue:
    """GET asks, POST confirms."""
    link, viewer = link_signer().read(Purpose.CONFIRM, token), _viewer()
    user = _account(link, viewer)
    outcome = judge(link, user, viewer)
    if outcome is not Outcome.READY or user is None:
        return outcome_page(outcome, user, viewer)
    is_owner = viewer is not None
    form = PasswordForm()
    if request.method == "POST" and (is_owner or form.validate()):
        if is_owner or verify_password(form.password.data or "", user.password_hash):
            return _confirm(link, user, is_owner=is_owner)
        form.password.errors = ["This is not the password of this account."]
    return form_page("auth/confirm.html", form, email=user.email, is_owner=is_owner, token=token)


def _confirm(link: Link, user: User, *, is_owner: bool) -> ResponseReturnValue:
    where = origin()
    entry = None if is_owner else sessions.new_session(where)
    if not users.confirm(user, link.version, utcnow(), where, entry):
        newest = users.find(user.id)
        return outcome_page(judge(link, newest, None), newest, None)
    if entry:
        sessions.start(user, entry)
    flash(f"{user.email} is confirmed. Welcome to {current_app.config['APP_NAME']}.", "success")
    return redirect(url_for("main.home"))


@bp.post("/confirm/<token>/disown")
def disown(token: str) -> ResponseReturnValue:
    """Removes the unconfirmed account of somebody who did not sign up."""
    link = link_signer().read(Purpose.CONFIRM, token)
    user = _account(link, None)
    outcome = judge(link, user, None)
    if outcome is not Outcome.READY or link.user_id is None:
        return outcome_page(outcome, user, None)
    if not users.disown(link.user_id, link.email_key, link.version):
        newest = users.find(link.user_id)
        return outcome_page(judge(link, newest, None), newest, None)
    flash("The account is removed. Nobody can use your address here.", "success")
    return redirect(url_for("main.home"))
