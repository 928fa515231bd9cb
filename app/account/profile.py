"""The account at a glance, and what happened on it."""

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import check_confirmed
from app.account.blueprint import bp
from app.mongo import users
from app.phrases import browser, duration
from app.users.user import Event, EventKind, User

_SENTENCES = {
    EventKind.REGISTERED: "The account was registered",
    EventKind.CONFIRMED: "The address was confirmed",
    EventKind.SIGNED_IN: "Signed in",
    EventKind.SIGN_IN_REFUSED: "Sign-in refused, wrong password",
    EventKind.PASSWORD_CHANGED: "The password was changed",
    EventKind.RESET_ASKED: "A link to choose a new password was asked for",
    EventKind.PASSWORD_RESET: "A new password was chosen through a mailed link",
    EventKind.EMAIL_CHANGE_ASKED: "A change of address was asked for",
    EventKind.EMAIL_CHANGE_CANCELLED: "The change of address was cancelled",
    EventKind.EMAIL_CHANGED: "The address was changed",
    EventKind.EMAIL_UNDONE: "The former address was restored",
    EventKind.SESSIONS_ENDED: "Sessions were ended",
    EventKind.EXPORTED: "The account's data was downloaded",
}
_BY = {"self": "you", "administrator": "an administrator"}


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
    events = [_line(event) for event in users.activity(current_user.user)]
    return render_template("account/activity.html", events=events)


def _line(event: Event) -> dict[str, object]:
    sentence = _SENTENCES.get(EventKind(event.kind), event.kind)
    return {
        "sentence": f"{sentence} ({event.count} times)" if event.count > 1 else sentence,
        "at": event.at,
        "by": _BY.get(event.by, ""),
        "words": browser(event.browser),
        "address": event.address,
    }
