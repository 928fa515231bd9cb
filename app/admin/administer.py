"""What administrators do to somebody else's account. Each action has a page that asks first."""

from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm

from app.admin.blueprint import bp
from app.flows.administer import (
    Action,
    Done,
    NothingDone,
    NotPossible,
    administer,
    possible_actions,
)
from app.flows.results import LastAdministrator
from app.mongo import account_search
from app.users.user import User
from app.web.client import current_client
from app.web.proof import needs_proof


@dataclass(frozen=True, slots=True)
class Words:
    """What the pages say about an action."""

    name: Action
    """Its value is the last part of the page's path."""
    label: str
    consequence: str
    """What the action will do, shown before it is done."""
    done: str
    danger: bool = False


_ALL = (
    Words(
        Action.RESEND,
        "Send a new confirmation mail",
        "A new mail with a link goes to the address now. Links in earlier mails stop working.",
        "A new mail is on its way.",
    ),
    Words(
        Action.RESET,
        "Send a link to choose a new password",
        "A mail with the link goes to the address. The old password works until then.",
        "The mail is on its way.",
    ),
    Words(
        Action.END_SESSIONS,
        "Sign out everywhere",
        "Every browser that is signed in to this account is signed out on its next request.",
        "Every browser is signed out.",
    ),
    Words(
        Action.REMOVE_FACTORS,
        "Remove the second factors",
        "The authenticator app, passkeys and recovery codes are removed at once, so the password"
        " alone signs in. First make sure who asks you for it. The owner gets a mail about it.",
        "The second factors are removed.",
        danger=True,
    ),
    Words(
        Action.GRANT,
        "Make an administrator",
        "This person can see every account and do everything that you can do here. They get a mail"
        " about it.",
        "This person is an administrator now.",
    ),
    Words(
        Action.WITHDRAW,
        "Remove as administrator",
        "This person can no longer open these pages, at once. They get a mail about it.",
        "This person is no longer an administrator.",
        danger=True,
    ),
    Words(
        Action.DISABLE,
        "Disable the account",
        "Every browser is signed out, and nobody can sign in until the account is enabled again."
        " Nothing is deleted. The owner gets a mail about it.",
        "The account is disabled.",
        danger=True,
    ),
    Words(
        Action.ENABLE,
        "Enable the account",
        "The owner can sign in again with the same password, and gets a mail about it.",
        "The account is enabled.",
    ),
    Words(
        Action.DELETE,
        "Delete the account",
        "The account and all its data are deleted for good. The owner gets one last mail.",
        "The account is deleted.",
        danger=True,
    ),
)
_WORDS = {words.name: words for words in _ALL}


def action_words(user: User) -> list[Words]:
    """The actions that are possible in the present state of the account."""
    return [_WORDS[action] for action in possible_actions(user)]


@bp.route("/people/<account>/<name>", methods=["GET", "POST"])
@needs_proof
def act(account: str, name: str) -> ResponseReturnValue:
    """GET asks, POST does the action."""
    found = account_search.person(account)
    if found is None or name not in set(Action):
        abort(404)
    user, action, form = found.user, Action(name), FlaskForm()
    if action in possible_actions(user) and not form.validate_on_submit():
        return render_template("admin/action.html", user=user, action=_WORDS[action], form=form)
    by = str(current_user.user.id)
    match administer(action, user, by, current_client()):
        case Done():
            flash(f"{user.email}: {_WORDS[action].done}", "success")
            if action is Action.DELETE:
                return redirect(url_for("admin.people"))
        case LastAdministrator():
            flash(
                "This is the last administrator. First make another person one.",
                "danger",
            )
        case NotPossible():
            flash("The account was changed meanwhile. Nothing was done.", "warning")
        case NothingDone():
            flash("The account was changed meanwhile, or a mail is on its way already.", "warning")
    return redirect(url_for("admin.person", account=account))
