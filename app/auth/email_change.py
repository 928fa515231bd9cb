"""The links of a change of address: proving the new one, and taking the old one back."""

from dataclasses import replace
from datetime import timedelta

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app import sessions
from app.auth.blueprint import bp
from app.auth.forms import PasswordForm
from app.auth.opened_link import OpenedLink, open_link
from app.auth.outcomes import Outcome, outcome_page
from app.clock import utcnow
from app.mongo import users
from app.users.links import Purpose
from app.users.steps.changing_email import EmailChange
from app.users.user import FormerEmail, PendingEmail, User
from app.web import form_page, origin


def judge_change(opened: OpenedLink) -> Outcome:
    """What the link to the new address comes to."""
    link, user, viewer = opened.link, opened.user, opened.viewer
    if opened.damaged:
        return Outcome.DAMAGED
    if user is None:
        return Outcome.GONE
    if user.disabled_on:
        return Outcome.DISABLED
    if link.email_key == user.email_key:
        return Outcome.ALREADY_DONE
    if viewer and not opened.is_owner:
        return Outcome.ANOTHER_ACCOUNT
    pending = user.pending_email
    if not pending or (pending.email_key, pending.version) != (link.email_key, link.version):
        return Outcome.SUPERSEDED
    return Outcome.EXPIRED if opened.expired else Outcome.READY


@bp.route("/email/confirm/<token>", methods=["GET", "POST"])
def confirm_email(token: str) -> ResponseReturnValue:
    """GET asks, POST makes the pending address the account's."""
    opened = open_link(Purpose.EMAIL_CHANGE, token)
    outcome, user = judge_change(opened), opened.user
    pending = user.pending_email if user else None
    if outcome is not Outcome.READY or user is None or pending is None:
        return outcome_page(outcome, Purpose.EMAIL_CHANGE, opened.token, user, opened.viewer)
    form = PasswordForm()
    if request.method == "POST" and (opened.is_owner or form.proves(user)):
        return _change(opened, user, pending)
    return form_page(
        "auth/email_confirm.html", form, new_email=pending.email, is_owner=opened.is_owner
    )


def _change(opened: OpenedLink, user: User, pending: PendingEmail) -> ResponseReturnValue:
    undo_for = timedelta(seconds=current_app.config["EMAIL_UNDO_MAX_AGE"])
    match users.change_email(user, pending, utcnow(), origin(), undo_for):
        case EmailChange.DONE:
            answer = _signed_in(opened, replace(user, email=pending.email))
            # After that: a new session begins with an empty cookie.
            flash(f"Your address is now {pending.email}.", "success")
            return answer
        case EmailChange.TAKEN:
            return outcome_page(
                Outcome.TAKEN, Purpose.EMAIL_CHANGE, opened.token, user, opened.viewer
            )
    newest = replace(opened, user=users.find(user.id))
    return outcome_page(
        judge_change(newest), Purpose.EMAIL_CHANGE, opened.token, newest.user, opened.viewer
    )


def _signed_in(opened: OpenedLink, user: User) -> ResponseReturnValue:
    """Whoever gave the password is signed in by it, in a browser that had no session."""
    if opened.is_owner:
        return redirect(url_for("account.profile"))
    entry = sessions.new_session(origin())
    if users.sign_in(user, entry):
        sessions.start(user, entry)
    return redirect(url_for("main.home"))


def judge_undo(opened: OpenedLink) -> tuple[Outcome, FormerEmail | None]:
    """What an undo link comes to, and the address that it restores."""
    link, user = opened.link, opened.user
    if opened.damaged:
        return Outcome.DAMAGED, None
    if user is None:
        return Outcome.GONE, None
    for former in user.former_emails:
        if (former.email_key, former.version) == (link.email_key, link.version):
            return (Outcome.EXPIRED if opened.expired else Outcome.READY), former
    restored = link.email_key == user.email_key
    return (Outcome.ALREADY_DONE if restored else Outcome.SUPERSEDED), None


@bp.route("/email/undo/<token>", methods=["GET", "POST"])
def undo_email(token: str) -> ResponseReturnValue:
    """GET asks, POST puts the old address back.

    The link alone is enough: whoever is robbed of an account has neither session nor password.
    """
    opened = open_link(Purpose.EMAIL_UNDO, token)
    outcome, former = judge_undo(opened)
    user = opened.user
    if outcome is not Outcome.READY or user is None or former is None:
        return outcome_page(outcome, Purpose.EMAIL_UNDO, opened.token, user, opened.viewer)
    form = FlaskForm()
    if not form.validate_on_submit():
        return form_page("auth/email_undo.html", form, former_email=former.email)
    match users.undo_email_change(user, former, utcnow(), origin()):
        case EmailChange.DONE:
            flash(
                f"The account has the address {former.email} again, and nobody is signed in to it."
                " A mail with a link to choose a new password is on its way there.",
                "success",
            )
            return redirect(url_for("main.home"))
        case EmailChange.TAKEN:
            return outcome_page(
                Outcome.TAKEN, Purpose.EMAIL_UNDO, opened.token, user, opened.viewer
            )
    newest = replace(opened, user=users.find(user.id))
    return outcome_page(
        judge_undo(newest)[0], Purpose.EMAIL_UNDO, opened.token, newest.user, opened.viewer
    )
