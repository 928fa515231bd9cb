"""What administrators do for, or to, somebody else's account: each asks first."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm

from app.admin.blueprint import bp
from app.clock import utcnow
from app.mongo import people, users
from app.users.council import Departure
from app.users.user import User
from app.web import origin

Done = bool | Departure


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do."""

    name: str
    label: str
    consequence: str
    """What the page says before it is done."""
    done: str
    may: Callable[[User], bool]
    do: Callable[[User, str], Done]
    danger: bool = False


ACTIONS = (
    Action(
        "resend",
        "Send a new confirmation mail",
        "A new mail with a link goes to the address now. Links in earlier mails stop working.",
        "A new mail is on its way.",
        lambda user: not user.confirmed,
        lambda user, by: users.resend_for(user, utcnow(), origin(), by),
    ),
    Action(
        "reset",
        "Send a link to choose a new password",
        "A mail with the link goes to the address. The present password works until then.",
        "The mail is on its way.",
        lambda user: True,
        lambda user, by: users.send_reset(user, utcnow(), origin(), by),
    ),
    Action(
        "sessions",
        "Sign out everywhere",
        "Every browser that is signed in to this account is signed out on its next request.",
        "Every browser is signed out.",
        lambda user: bool(user.sessions),
        lambda user, by: users.end_all_sessions(user, utcnow(), origin(), by),
    ),
    Action(
        "grant",
        "Make an administrator",
        "This person will see every account and can do all that you can do here. A mail says so.",
        "This is an administrator now.",
        lambda user: user.confirmed and not user.admin and not user.disabled_on,
        lambda user, by: users.grant(user, utcnow(), origin(), by),
    ),
    Action(
        "withdraw",
        "Withdraw administration",
        "From the next request on this person sees nothing of these pages. A mail says so.",
        "This is no administrator any more.",
        lambda user: user.admin,
        lambda user, by: users.withdraw(user, utcnow(), origin(), by),
        danger=True,
    ),
    Action(
        "disable",
        "Disable the account",
        "Every browser is signed out, and nobody can sign in until the account is enabled again."
        " Nothing is deleted. A mail says so.",
        "The account is disabled.",
        lambda user: not user.disabled_on,
        lambda user, by: users.disable(user, utcnow(), origin(), by),
        danger=True,
    ),
    Action(
        "enable",
        "Enable the account",
        "The owner can sign in again, with the password that worked before. A mail says so.",
        "The account is enabled.",
        lambda user: bool(user.disabled_on),
        lambda user, by: users.enable(user, utcnow(), origin(), by),
    ),
    Action(
        "delete",
        "Delete the account",
        "The account and everything held about it is deleted for good. A last mail says so.",
        "The account is deleted.",
        lambda user: True,
        lambda user, by: users.remove(user, utcnow(), by),
        danger=True,
    ),
)
_BY_NAME = {action.name: action for action in ACTIONS}


def possible(user: User) -> list[Action]:
    """What can be done as the account is now."""
    return [action for action in ACTIONS if action.may(user)]


@bp.route("/people/<account>/<name>", methods=["GET", "POST"])
def act(account: str, name: str) -> ResponseReturnValue:
    """GET asks, POST does."""
    found, action = people.person(account), _BY_NAME.get(name)
    if found is None or action is None:
        abort(404)
    user, form = found.user, FlaskForm()
    back = redirect(url_for("admin.person", account=account))
    if not action.may(user):
        flash("The account is not as it was. Nothing was done.", "warning")
        return back
    if not form.validate_on_submit():
        return render_template("admin/action.html", user=user, action=action, form=form)
    outcome = action.do(user, str(current_user.user.id))
    if outcome is Departure.LAST:
        flash("This is the last administrator: make somebody else one first.", "danger")
    elif outcome is True or outcome is Departure.DONE:
        flash(f"{user.email}: {action.done}", "success")
        if action.name == "delete":
            return redirect(url_for("admin.people"))
    else:
        flash("The account was changed meanwhile, or a mail is on its way already.", "warning")
    return back
