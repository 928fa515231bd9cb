"""The account at a glance, and what happened on it."""

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.account.blueprint import bp
from app.flows.activity import activity as entries_of
from app.users.user import User
from app.web.access import check_confirmed
from app.web.activity_lines import activity_line
from app.web.humanize import duration


@bp.get("")
@check_confirmed
def profile() -> ResponseReturnValue:
    """The account at a glance."""
    user: User = current_user.user
    took = duration(user.confirmed_on - user.registered_on) if user.confirmed_on else None
    return render_template("account/profile.html", user=user, took=took)


@bp.get("/activity")
@check_confirmed
def activity() -> ResponseReturnValue:
    """What happened on this account, newest first."""
    events = [activity_line(entry) for entry in entries_of(current_user.user)]
    return render_template("account/activity.html", events=events)
