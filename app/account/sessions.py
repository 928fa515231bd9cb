"""The list of browsers in which the account is signed in, and of those that it trusts."""

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.account.blueprint import bp
from app.flows import sessions as flow
from app.flows.sessions import NoSuchSession, NotTrusted, SessionEnded, TrustEnded
from app.users.login_session import LoginSession
from app.users.user import User
from app.web.access import check_confirmed
from app.web.activity_lines import session_line, trust_line
from app.web.client import current_client
from app.web.humanize import browser_name
from app.web.shown_again import form_on


@bp.get("/sessions", endpoint="sessions")
@check_confirmed
def show() -> ResponseReturnValue:
    """Every browser that is signed in, the last seen first; and every trusted one."""
    user: User = current_user.user
    rows = [_row(session) for session in flow.sessions_of(user)]
    trusted = [trust_line(browser) for browser in flow.trusted_browsers_of(user)]
    return render_template("account/sessions.html", sessions=rows, trusted=trusted)


@bp.post("/sessions/<handle>/revoke", endpoint="revoke_session")
@form_on("account.sessions")
@check_confirmed
def revoke(handle: str) -> ResponseReturnValue:
    """Signs one browser out on its next request."""
    match flow.end_session(current_user.user, handle, current_client()):
        case SessionEnded(session):
            name = session.name or browser_name(session.browser) or "That browser"
            flash(f"{name} is signed out.", "success")
        case NoSuchSession():
            abort(404)
    return redirect(url_for("account.sessions"))


@bp.post("/sessions/revoke-others", endpoint="revoke_other_sessions")
@form_on("account.sessions")
@check_confirmed
def revoke_others() -> ResponseReturnValue:
    """Signs every other browser out."""
    flow.end_other_sessions(current_user.user, current_user.session_id, current_client())
    flash("Every other browser is signed out.", "success")
    return redirect(url_for("account.sessions"))


@bp.post("/sessions/trusted/<handle>/revoke", endpoint="revoke_trust")
@form_on("account.sessions")
@check_confirmed
def revoke_trust(handle: str) -> ResponseReturnValue:
    """Asks one browser for the second step again."""
    match flow.end_trust(current_user.user, handle):
        case TrustEnded(browser):
            name = browser_name(browser.browser) or "That browser"
            flash(f"{name} is asked for the second step again.", "success")
        case NotTrusted():
            abort(404)
    return redirect(url_for("account.sessions"))


def _row(session: LoginSession) -> dict[str, object]:
    return session_line(session) | {
        "handle": session.handle,
        "current": session.id == current_user.session_id,
    }
