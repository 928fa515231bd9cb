"""Who is signed in: the cookie carries an account id and a session id, the account's document
says whether that session is alive.

Registering an address that has a confirmed account looks like registering a new one: the cookie
then carries ids that match nothing, and the typed address. `SignedIn.decoy` is that visitor, and so
is whoever holds the cookie of a claim that a newer one has ended: the two must look alike. They
see what a newcomer sees, and since every write is guarded by the ids, they can do nothing.
"""

import hashlib
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from bson import ObjectId
from bson.errors import InvalidId
from flask import (
    Flask,
    Request,
    current_app,
    flash,
    redirect,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_login import UserMixin, current_user, login_user
from itsdangerous import BadData, URLSafeTimedSerializer

from app import devices, logs
from app.clock import utcnow
from app.extensions import login_manager
from app.links import signing_keys
from app.mongo import users
from app.users.links import SIGNATURES
from app.users.user import ConfirmMail, Origin, Session, User, random_id

# A session is noted as seen at most this often: a page costs one find, not a find and a write.
_SEEN_EVERY = timedelta(minutes=5)
# The decoy's mail "leaves" after the time that a real one takes.
_DECOY_MAIL_TAKES = timedelta(seconds=2)


class SignedIn(UserMixin):
    """Flask-Login's `current_user`: an account through one of its sessions."""

    def __init__(self, user: User, session_id: str, *, decoy: bool = False) -> None:
        self.user = user
        self.session_id = session_id
        self.decoy = decoy

    def get_id(self) -> str:
        return f"{self.user.id}.{self.session_id}"

    @property
    def email(self) -> str:
        """The address as typed."""
        return self.user.email

    @property
    def confirmed(self) -> bool:
        """Whether the address is proven."""
        return self.user.confirmed

    @property
    def admin(self) -> bool:
        """Whether this is an administrator."""
        return self.user.admin


@cache
def _serializer(keys: tuple[str, ...]) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        list(keys),
        salt=SecureCookieSessionInterface.salt,
        serializer=SecureCookieSessionInterface.serializer,
        signer_kwargs=SIGNATURES,
    )


class SignedSessions(SecureCookieSessionInterface):
    """Flask's, with signatures as all of ours; a signed cookie that holds something else than a
    session is no session, not a 500."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer:
        return _serializer(signing_keys(app.config))

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        try:
            return super().open_session(app, request)
        except (BadData, TypeError, ValueError):
            return self.session_class()


def init_app(app: Flask) -> None:
    """Sets Flask-Login and the session cookie up."""
    app.session_interface = SignedSessions()
    # Flask-Login's own processor looks the account up for every page: an error page that is shown
    # because the database is away would fail in turn. The proxy looks when a template asks.
    login_manager.init_app(app, add_context_processor=False)
    app.context_processor(lambda: {"current_user": current_user})
    app.jinja_env.globals["kind_of_viewer"] = _kind_of_viewer
    login_manager.unauthorized_handler(_to_sign_in)
    # It would end the session whenever a phone changes networks; ours are known to the server.
    login_manager.session_protection = None
    login_manager.user_loader(_load)


def _kind_of_viewer() -> str:
    """Whom the navigation is for; looked up once, as each look through the proxy takes time."""
    viewer = current_user._get_current_object()
    if not viewer.is_authenticated:
        return "stranger"
    if not viewer.confirmed:
        return "unconfirmed"
    return "admin" if viewer.admin else "confirmed"


def _to_sign_in() -> ResponseReturnValue:
    """And back to the page afterwards, or home where it is one that is only posted to."""
    if request.method == "POST" and "_user_id" in session:
        # As after a change of password whose answer was lost: it ended this session.
        flash(
            "Your session has ended. Sign in to go on; with your new password, if you have just"
            " changed it.",
            "info",
        )
    else:
        flash("Sign in to see this page.", "info")
    to_look_at = request.url_rule is not None and "GET" in (request.url_rule.methods or ())
    target = request.full_path.rstrip("?") if to_look_at else url_for("main.home")
    return redirect(f"{url_for('auth.login')}?{urlencode({'next': target})}")


def new_session(origin: Origin, *, remember: bool = False) -> Session:
    """An entry for the account's document, with an id of 128 bits (ASVS 7.2.3)."""
    config = current_app.config
    now = utcnow()
    days = timedelta(days=config["SESSION_DAYS"])
    idle = days if remember else timedelta(hours=config["SESSION_IDLE_HOURS"])
    return Session(
        id=secrets.token_urlsafe(16),
        signed_in_on=now,
        seen_on=now,
        expires_on=now + days,
        idle_seconds=int(idle.total_seconds()),
        device=devices.current(),
        address=origin.address,
        browser=origin.browser,
    )


def start(user: User, entry: Session, *, remember: bool = False) -> None:
    """Signs this browser in; the session that it had before ends."""
    end()
    renew(user, entry, remember=remember)
    devices.keep(entry.device)


def renew(user: User, entry: Session, *, remember: bool = False) -> None:
    """Puts a session into this browser's cookie in place of one that has ended already."""
    session.clear()
    session.permanent = remember
    login_user(SignedIn(user, entry.id))


def start_claim(user: User | None, typed: str, entry: Session) -> None:
    """Signs in whoever has just registered; `user` is None when the address was taken.

    Both cookies have the same shape: two ids, the typed address and the time.
    """
    asked = _milliseconds(entry.signed_in_on)
    start(user or _decoy(random_id(), typed, entry.signed_in_on), entry)
    session["claim"] = [typed, asked, 0, 0]


def _milliseconds(moment: datetime) -> int:
    """As exact as MongoDB keeps it: a rounded time would tell a decoy by its countdown."""
    return round(moment.timestamp() * 1000)


def note_resend(now: datetime) -> None:
    """Keeps the time in the cookie, which is all that a decoy has to go by."""
    match session.get("claim"):
        case [typed, _asked, _tries, total]:
            session["claim"] = [typed, _milliseconds(now), 0, total]


def note_code_try() -> None:
    """The same for a wrong code."""
    match session.get("claim"):
        case [typed, asked, int(tries), int(total)]:
            session["claim"] = [typed, asked, tries + 1, total + 1]


def settle_claim() -> None:
    """The address is proven: from now on this cookie is one session's, and ends with it."""
    session.pop("claim", None)


def leave_claim(typed: str) -> None:
    """Empties the cookie but for the address to mend."""
    session.clear()
    keep_address(typed)


def keep_address(typed: str) -> None:
    """For the form to sign up, which is filled in with it."""
    session["mend"] = typed


def address_to_mend() -> str:
    """What `keep_address` has kept."""
    typed = session.get("mend", "")
    return typed if isinstance(typed, str) else ""


def browser_key() -> str:
    """Names this browser to the server, signed in or not, by a secret of its cookie. Other than the
    device's, that one is there before the first answer, which may get lost."""
    return hashlib.sha256(str(session.get("csrf_token", "")).encode()).hexdigest()[:32]


def account_is_gone() -> bool:
    """Whether this browser was signed in to an account that is no more.

    Not for the cookie of a claim: it may be a decoy's, which never had an account.
    """
    ids = _parse(session.get("_user_id"))
    if ids is None or "claim" in session:
        return False
    return users.find(ids[0]) is None


def end() -> None:
    """Ends this browser's session on the server and empties its cookie."""
    ids = _parse(session.get("_user_id"))
    if ids:
        users.sign_out(*ids)
    session.clear()


def _parse(cookie_id: Any) -> tuple[ObjectId, str] | None:
    if not isinstance(cookie_id, str):
        return None
    user_id, _, session_id = cookie_id.partition(".")
    try:
        return ObjectId(user_id), session_id
    except InvalidId:
        return None


def _load(cookie_id: Any) -> SignedIn | None:
    ids = _parse(cookie_id)
    if ids is None:
        return None
    user_id, session_id = ids
    now = utcnow()
    user = users.find_by_session(user_id, session_id)
    entry = user.session(session_id, now) if user else None
    if user is None or entry is None:
        return _load_decoy(user_id, session_id, now)
    logs.bind(actor=str(user.id))
    if now - entry.seen_on >= _SEEN_EVERY:
        users.touch(user_id, session_id, now)
    if user.confirmed:
        settle_claim()
    return SignedIn(user, session_id)


def _load_decoy(user_id: ObjectId, session_id: str, now: datetime) -> SignedIn | None:
    match session.get("claim"):
        case [str(typed), int(asked), int(tries), int(total)]:
            asked_on = datetime.fromtimestamp(asked / 1000, UTC)
        case _:
            return None
    if now - asked_on > timedelta(hours=current_app.config["SESSION_IDLE_HOURS"]):
        return None
    user = _decoy(user_id, typed, asked_on)
    user = replace(user, code_tries=tries, code_tries_total=total)
    return SignedIn(user, session_id, decoy=True)


def _decoy(user_id: ObjectId, typed: str, asked_on: datetime) -> User:
    sent = utcnow() - asked_on >= _DECOY_MAIL_TAKES
    sent_on = asked_on + _DECOY_MAIL_TAKES if sent else None
    return User(
        id=user_id,
        email=typed,
        email_key="",
        password_hash="",
        registered_on=asked_on,
        token_version=0,
        confirm_mail=ConfirmMail(id="", asked_on=asked_on, sent_on=sent_on),
    )
