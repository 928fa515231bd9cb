"""Confirming an address: the link from the mail.

Opening it changes nothing, whoever or whatever does (mail scanners open links). A click proves the
mailbox, not who chose the password: so confirming needs the account's own session or its password.
"""

from dataclasses import replace
from datetime import timedelta

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import journal, limits, sessions
from app.auth.blueprint import bp
from app.auth.forms import PasswordForm
from app.auth.opened_link import OpenedLink, open_link
from app.auth.outcomes import Outcome, outcome_page
from app.clock import utcnow
from app.mongo import users
from app.users.links import Purpose
from app.users.user import User
from app.web import form_page, origin

_COOLDOWN = "resend_cooldown"


def judge(opened: OpenedLink) -> Outcome:
    """What a confirmation link comes to."""
    link, user, viewer = opened.link, opened.user, opened.viewer
    if opened.damaged:
        return Outcome.DAMAGED
    if user is None or link.version > user.token_version:
        return Outcome.GONE
    if user.confirmed:
        return Outcome.ALREADY_DONE if link.email_key == user.email_key else Outcome.GONE
    if user.disabled_on:
        return Outcome.DISABLED
    if viewer and not opened.is_owner:
        return Outcome.ANOTHER_ACCOUNT
    if link.version < user.token_version:
        return Outcome.SUPERSEDED
    return Outcome.EXPIRED if opened.expired else Outcome.READY


def _page(opened: OpenedLink) -> ResponseReturnValue:
    return outcome_page(judge(opened), Purpose.CONFIRM, opened.token, opened.user, opened.viewer)


@bp.route("/confirm/<token>", methods=["GET", "POST"])
def confirm(token: str) -> ResponseReturnValue:
    """GET asks, POST confirms."""
    opened = open_link(Purpose.CONFIRM, token)
    user, outcome = opened.user, judge(opened)
    if user and outcome is Outcome.ALREADY_DONE and opened.is_owner and request.method == "POST":
        return welcome(user)  # sent twice, or the first answer was lost
    if user is None or outcome is not Outcome.READY:
        return _page(opened)
    if opened.is_owner:
        if request.method == "POST":
            return _confirm(opened, user)
        return render_template("auth/confirm.html", email=user.email, is_owner=True)
    form = PasswordForm()
    if request.method == "POST" and form.proves(user):
        return _confirm(opened, user)
    return form_page("auth/confirm.html", form, email=user.email, token=token)


def _confirm(opened: OpenedLink, user: User) -> ResponseReturnValue:
    where = origin()
    entry = None if opened.is_owner else sessions.new_session(where)
    if not users.confirm(user, opened.link.version, utcnow(), where, entry):
        opened = replace(opened, user=users.find(user.id))
        at_once = judge(opened) is Outcome.ALREADY_DONE and opened.is_owner
        return welcome(user) if at_once else _page(opened)
    if entry:
        sessions.start(user, entry)
    return welcome(user)


def welcome(user: User) -> ResponseReturnValue:
    """Where whoever has just proven an address goes on, by link or by code."""
    sessions.settle_claim()
    flash(f"{user.email} is confirmed. Welcome to {current_app.config['APP_NAME']}.", "success")
    return redirect(url_for("main.home"))


@bp.post("/confirm/<token>/again")
def confirm_again(token: str) -> ResponseReturnValue:
    """For a link that came too late: a new mail to the same address, without retyping it.

    Also for somebody who is not signed in: whoever has the link reads the mailbox.
    """
    opened = open_link(Purpose.CONFIRM, token)
    user, now = opened.user, utcnow()
    match judge(opened):
        case Outcome.GONE if opened.link.email_key:
            sessions.keep_address(opened.link.email_key)
            return redirect(url_for("auth.register"))
        case Outcome.EXPIRED | Outcome.SUPERSEDED | Outcome.READY if user:
            cooldown = current_app.config["RESEND_COOLDOWN"]
            wait = user.resend_in(cooldown, now)
            if wait:
                journal.note("limit_hit", outcome="refused", account=user.id, rule=_COOLDOWN)
                return _sent_moments_ago(wait)
            limits.allow(limits.by_client("resend"), limits.mail_to(user.email_key, "confirm"))
            users.resend(user, now, timedelta(seconds=cooldown))
            flash(f"A new mail to {user.email} is on its way. Open its link.", "success")
            return redirect(url_for("auth.unconfirmed" if opened.is_owner else "main.home"))
    return _page(opened)


def _sent_moments_ago(wait: int) -> ResponseReturnValue:
    page = render_template(
        "auth/outcome.html",
        title="A mail was sent moments ago",
        alert="warning",
        message=f"Look for it in your mailbox. You can ask for another in {wait} s.",
        action={"label": "Home", "url": url_for("main.home"), "method": "get"},
    )
    return page, 429, {"Retry-After": str(wait)}


@bp.post("/confirm/<token>/disown")
def disown(token: str) -> ResponseReturnValue:
    """Removes the unconfirmed account of somebody who did not sign up."""
    # Whoever is signed in has no part in it.
    opened = replace(open_link(Purpose.CONFIRM, token), viewer=None)
    link, user = opened.link, opened.user
    if user is None or judge(opened) is not Outcome.READY:
        return _page(opened)
    if not users.disown(user.id, link.email_key, link.version, utcnow()):
        return _page(replace(opened, user=users.find(user.id)))
    flash("The account is removed. Nobody can use your address here.", "success")
    return redirect(url_for("main.home"))
