"""Waiting for the mail: what the unconfirmed see and can do."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from hmac import compare_digest
from typing import ParamSpec

from flask import current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from app import journal, limits, pace, sessions
from app.auth.blueprint import bp
from app.auth.confirm import welcome
from app.auth.forms import CodeForm
from app.auth.register import suggestion
from app.clock import utcnow
from app.links import link_signer
from app.mongo import users
from app.users.addresses import parse_address
from app.users.user import MAX_CODE_TRIES_TOTAL, User
from app.web import origin

P = ParamSpec("P")


def for_the_waiting(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Only for those who are signed in and wait; whoever is confirmed has nothing to do here."""

    @login_required
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if current_user.confirmed:
            return redirect(url_for("main.home"))
        return view(*args, **kwargs)

    return guarded  # type: ignore[no-any-return]


@bp.get("/unconfirmed")
@for_the_waiting
def unconfirmed() -> ResponseReturnValue:
    """Where the unconfirmed land: how things stand and what they can do."""
    return _where_things_stand(current_user.user)


@bp.get("/unconfirmed/status")
@login_required
def unconfirmed_status() -> ResponseReturnValue:
    """The same for a script."""
    user: User = current_user.user
    mail = user.confirm_mail
    return {
        "confirmed": user.confirmed,
        "mail": user.mail_state,
        "sent_on": mail.sent_on.isoformat() if mail and mail.sent_on else None,
        "resend_in": user.resend_in(current_app.config["RESEND_COOLDOWN"], utcnow()),
    }


@bp.post("/resend")
@for_the_waiting
def resend() -> ResponseReturnValue:
    """A new mail; every earlier link and code becomes worthless."""
    user: User = current_user.user
    now, cooldown = utcnow(), current_app.config["RESEND_COOLDOWN"]
    wait = user.resend_in(cooldown, now)
    if wait:
        journal.note("limit_hit", outcome="refused", account=user.id, rule="resend_cooldown")
        flash(f"A mail was sent moments ago. You can ask for another in {wait} s.", "warning")
        return _where_things_stand(user), 429, {"Retry-After": str(wait)}
    limits.allow(limits.by_client("resend"), limits.mail_to(_key(user), "confirm"))
    # Where it finds nothing to change, another tab was first, or this is a decoy: the same answer.
    with pace.evenly():
        users.resend(user, now, timedelta(seconds=cooldown))
    sessions.note_resend(now)
    flash("A new mail is on its way. Links in earlier mails no longer work.", "success")
    return redirect(url_for("auth.unconfirmed"))


@bp.post("/unconfirmed/code")
@for_the_waiting
def code() -> ResponseReturnValue:
    """The six digits confirm as the link does, in the browser that waits."""
    user: User = current_user.user
    form = CodeForm()
    if form.validate_on_submit():
        if _tried(user, form.digits) and users.confirm(
            user, user.token_version, utcnow(), origin()
        ):
            return welcome(user)
        journal.note("code_refused", outcome="refused", account=user.id)
        form.code.errors = [_why_not(user)]
    return _where_things_stand(user, form), 422


def _tried(user: User, digits: str) -> bool:
    """Takes one of the tries, then looks at the code."""
    limits.allow(limits.by_client("code"), limits.code_of(_key(user)))
    sessions.note_code_try()
    if not users.take_code_try(user) or _expired(user):
        return False
    codes = link_signer().codes(user.id, user.email_key, user.token_version)
    return any(compare_digest(digits, code) for code in codes)


def _key(user: User) -> str:
    """Of the typed address: a decoy has no other."""
    return parse_address(user.email).key


def _expired(user: User) -> bool:
    mail = user.confirm_mail
    since = (mail.sent_on or mail.asked_on) if mail else None
    max_age = timedelta(seconds=current_app.config["CONFIRM_MAX_AGE"])
    return since is None or utcnow() - since > max_age


def _why_not(user: User) -> str:
    """`user` is as it was before this try."""
    left = user.codes_left - 1
    if user.code_tries_total + 1 >= MAX_CODE_TRIES_TOTAL:
        return "Too many wrong codes. Open the link in the mail instead."
    if left <= 0:
        return "Too many wrong codes. Send a new mail and use its code or its link."
    if _expired(user):
        return "This code has expired. Send a new mail and use its code or its link."
    tries = "one try" if left == 1 else f"{left} tries"
    return f"This is not the code in the newest mail. You have {tries} left."


@bp.post("/unconfirmed/start-over")
@for_the_waiting
def start_over() -> ResponseReturnValue:
    """Wrong address: drops this unconfirmed account, and leads back to the form with it to mend."""
    user: User = current_user.user
    users.start_over(user, current_user.session_id, utcnow())
    sessions.leave_claim(user.email)
    return redirect(url_for("auth.register"))


def _where_things_stand(user: User, form: CodeForm | None = None) -> str:
    mail = user.confirm_mail
    return render_template(
        "auth/unconfirmed.html",
        account=user,
        form=form or CodeForm(formdata=None),
        suggestion=suggestion(user.email),
        mail={
            "state": user.mail_state,
            "sent_on": mail and mail.sent_on,
            "reason": mail and mail.refused,
        },
        resend_in=user.resend_in(current_app.config["RESEND_COOLDOWN"], utcnow()),
    )
