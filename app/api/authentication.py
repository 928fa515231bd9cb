"""Who sends a request to the API: a program with a bearer token, or a browser with the cookie.

A request with a bearer token ignores cookies. A request with the cookie needs the CSRF token in a
header, since browsers send cookies on their own.
"""

from flask import current_app, g, request
from flask_login import current_user
from flask_wtf import csrf
from wtforms import ValidationError

from app.observability import audit_log
from app.security import bearer_tokens, cookies
from app.users.client import Client, Program
from app.users.clock import utcnow
from app.users.login_session import LoginSession
from app.users.user import User
from app.web import viewer
from app.web.client import current_client, plain_client
from app.web.viewer import Viewer

_SAFE = {"GET", "HEAD", "OPTIONS"}


def authenticate() -> None:
    """Makes `current_user` that of the bearer token, if the request has one. Otherwise
    Flask-Login reads the cookie when it is first asked."""
    token = bearer_token()
    if token is None:
        return
    found, seen = bearer_tokens.read(token), None
    if found:
        seen = viewer.view(found.user_id, found.session_id, decoy=found.decoy)
    g._login_user = seen or current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]


def bearer_token() -> str | None:
    """The token in the header Authorization; None when the request has another scheme or none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def check_csrf() -> None:
    """Raises CSRFError for a request with the cookie that may change something and lacks the
    token (ASVS 3.5.1)."""
    if request.method in _SAFE or bearer_token() is not None:
        return
    if cookies.name("session") in request.cookies:
        require_csrf()


def require_csrf() -> None:
    """Raises CSRFError unless the request has the CSRF token of its cookie."""
    try:
        csrf.validate_csrf(request.headers.get("X-CSRF-Token"))
    except ValidationError:
        audit_log.record("csrf_refused", outcome="refused", status=403)
        raise csrf.CSRFError from None


def signed_in() -> Viewer | None:
    """The account, or the decoy, of this request."""
    found = current_user._get_current_object()
    return found if isinstance(found, Viewer) else None


def viewer_of_request() -> Viewer:
    """The account, or the decoy, in an operation that asks for one."""
    found = signed_in()
    assert found is not None  # noqa: S101 (the operation refuses other requests before)
    return found


def session_of(found: Viewer) -> LoginSession:
    """The login session of this request."""
    session = found.user.session(found.session_id, utcnow())
    assert session is not None  # noqa: S101 (the viewer was found by it)
    return session


def client() -> Client:
    """The sender of this request. A program is recognised by the browser id of its session, because
    it has no cookie."""
    if bearer_token() is None:
        return current_client()
    found = signed_in()
    if found is None:
        return plain_client()
    session = session_of(found)
    return plain_client(session.device, Program(session.id, session.name))


def user_of(found: Viewer | None) -> User | None:
    """The account, or the decoy, that is signed in."""
    return found.user if found else None
