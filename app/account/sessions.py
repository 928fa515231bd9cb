"""Where the account is signed in."""

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.access import check_confirmed
from app.account.blueprint import bp
from app.activity import place
from app.clock import utcnow
from app.mongo import users
from app.phrases import browser
from app.users.user import Session, User
from app.web import origin


@bp.get("/sessions", endpoint="sessions")
@check_confirmed
def show() -> ResponseReturnValue:
    """Every browser that is signed in, the one seen last first."""
    listed = sorted(_alive(), key=lambda session: session.seen_on, reverse=True)
    return render_template("account/sessions.html", sessions=[_row(session) for session in listed])


@bp.post("/sessions/<handle>/revoke", endpoint="revoke_session")
@check_confirmed
def revoke(handle: str) -> ResponseReturnValue:
    """Signs one browser out on its next request."""
    session = next((session for session in _alive() if session.handle == handle), None)
    if session is None:
        abort(404)
    users.end_session(current_user.user, session.id, utcnow(), origin())
    flash(f"{browser(session.browser) or 'That browser'} is signed out.", "success")
    return redirect(url_for("account.sessions"))


@bp.post("/sessions/revoke-others", endpoint="revoke_other_sessions")
@check_confirmed
def revoke_others() -> ResponseReturnValue:
    """Signs every other browser out."""
    users.end_other_sessions(current_user.user, current_user.session_id, utcnow(), origin())
    flash("Every other browser is signed out.", "success")
    return redirect(url_for("account.sessions"))


def _alive() -> list[Session]:
    user: User = current_user.user
    now = utcnow()
    return [session for session in user.sessions if session.alive(now)]


def _row(session: Session) -> dict[str, object]:
    return place(session) | {
        "handle": session.handle,
        "current": session.id == current_user.session_id,
    }
