"""The viewer: the person who looks at a page. The cookie has an account id and a session id, and
the account's document shows whether that session is alive."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from bson import ObjectId
from flask import Flask, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user

from app.flows.delete import is_deleted
from app.flows.factor_reset import announced_reset
from app.flows.sign_out import sign_out
from app.mongo import decoys, users
from app.observability import logs
from app.security import known_browsers
from app.users.addresses import parse_address
from app.users.clock import utcnow
from app.users.login_session import LoginSession
from app.users.second_factors import FactorReset
from app.users.user import Decoy, User
from app.web import waiting_claim
from app.web.session_cookie import SignedSessions, parse_ids, session_ids

# How often `seen_on` is stored. So most pages need one find and no write.
_SEEN_EVERY = timedelta(minutes=5)


class Viewer(UserMixin):
    """Flask-Login's `current_user`: an account through one of its sessions, or a decoy."""

    def __init__(self, user: User, session_id: str) -> None:
        self.user = user
        self.session_id = session_id

    def get_id(self) -> str:
        return f"{self.user.id}.{self.session_id}"

    @property
    def decoy(self) -> bool:
        """Whether the account only stands in for somebody else's."""
        return isinstance(self.user, Decoy)

    @property
    def email(self) -> str:
        """The address as typed."""
        return self.user.email

    @property
    def confirmed(self) -> bool:
        """Whether the address is confirmed."""
        return self.user.confirmed

    @property
    def admin(self) -> bool:
        """Whether this is an administrator."""
        return self.user.admin


class Viewers(LoginManager):
    """Flask-Login without its cookie "remember me", its headers and its session protection, which
    would end the session whenever a phone changes networks."""

    def init_app(self, app: Flask, add_context_processor: bool = False) -> None:
        """Neither hooks nor its context processor, which looks the account up for every page: an
        error page about an unreachable database would then fail."""
        app.login_manager = self  # type: ignore[attr-defined]

    def _load_user(self) -> None:
        g._login_user = _load(session.get("_user_id")) or self.anonymous_user()


def init_app(app: Flask) -> None:
    """Sets Flask-Login and the session cookie up."""
    app.session_interface = SignedSessions()
    viewers = Viewers()
    viewers.init_app(app)
    viewers.unauthorized_handler(_to_sign_in)
    # A proxy, which looks the account up only when a template uses it.
    app.jinja_env.globals["current_user"] = current_user
    app.jinja_env.globals["kind_of_viewer"] = _kind_of_viewer
    app.jinja_env.globals["waiting_reset"] = _waiting_reset


def viewing_account() -> User | None:
    """The account, or the decoy, that is signed in."""
    viewer = current_user._get_current_object()
    return viewer.user if viewer.is_authenticated else None


def signed_in_elsewhere(user: User) -> str | None:
    """The address of the account that this browser is signed in to, if it is another one.

    Also that of a decoy: the answer must not tell it from a newcomer.
    """
    if not current_user.is_authenticated or current_user.user.id == user.id:
        return None
    here: str = current_user.email
    return None if parse_address(here).key == user.email_key else here


def start(user: User, entry: LoginSession, *, remember: bool = False) -> None:
    """Signs this browser in. The session that it had before ends."""
    end()
    renew(user, entry, remember=remember)
    known_browsers.remember(entry.device)


def renew(user: User, entry: LoginSession, *, remember: bool = False) -> None:
    """Puts a session into this browser's cookie, in place of a session that has ended already."""
    session.clear()
    session.permanent = remember
    login_user(Viewer(user, entry.id))


def end() -> None:
    """Ends this browser's session on the server and empties its cookie."""
    if ids := session_ids():
        sign_out(*ids)
    session.clear()


def account_is_deleted() -> bool:
    """Whether this browser was signed in to an account that was deleted.

    False for a visitor who still waits: the cookie may belong to a decoy, which is not stored.
    """
    ids = session_ids()
    return ids is not None and not waiting_claim.is_open() and is_deleted(ids[0])


def _kind_of_viewer() -> str:
    """Which navigation the viewer gets. The proxy is resolved once, since each use takes time."""
    viewer = current_user._get_current_object()
    if not viewer.is_authenticated:
        return "stranger"
    if not viewer.confirmed:
        return "unconfirmed"
    return "admin" if viewer.admin else "confirmed"


def _waiting_reset() -> FactorReset | None:
    """The removal of the viewer's second factors that waits, for the warning on every page."""
    user = viewing_account()
    return announced_reset(user) if user else None


def _to_sign_in() -> ResponseReturnValue:
    """Redirects to the sign-in page, which leads back to the page, or home if the page accepts only
    POST."""
    if request.method == "POST" and "_user_id" in session:
        # For example, a change of password ended this session, and its answer got lost.
        flash(
            "Your session has ended. Sign in to go on. Use your new password if you have just"
            " changed it.",
            "info",
        )
    else:
        flash("Sign in to see this page.", "info")
    has_page = request.url_rule is not None and "GET" in (request.url_rule.methods or ())
    here = request.script_root + request.full_path.rstrip("?")
    target = here if has_page else url_for("main.home")
    return redirect(f"{url_for('auth.login')}?{urlencode({'next': target})}")


def _load(cookie_id: Any) -> Viewer | None:
    ids = parse_ids(cookie_id)
    if ids is None:
        return None
    user_id, session_id = ids
    if viewer := view(user_id, session_id):
        if viewer.confirmed:
            waiting_claim.settle()
        return viewer
    stand_in = waiting_claim.decoy_of_claim(user_id, session_id, utcnow())
    return Viewer(stand_in, session_id) if stand_in else None


def view(user_id: ObjectId, session_id: str, *, decoy: bool = False) -> Viewer | None:
    """The account, or the stored decoy, that is signed in with this session. One find, and every
    five minutes an update that stores when the session was seen."""
    now = utcnow()
    user: User | None
    if decoy:
        user = decoys.find_by_session(user_id, session_id, now)
    else:
        user = users.find_by_session(user_id, session_id)
    entry = user.session(session_id, now) if user else None
    if user is None or entry is None:
        return None
    logs.bind(actor=str(user.id))
    if now - entry.seen_on >= _SEEN_EVERY:
        (decoys if decoy else users).touch(user_id, session_id, now)
    return Viewer(user, session_id)
