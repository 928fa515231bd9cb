"""The session cookie: signed, and any cookie can be read without an error."""

import hashlib
from functools import cache
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from flask import Flask, Request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import BadData, URLSafeTimedSerializer

from app.security import cookies
from app.security.signing import signing_keys
from app.users.links import SIGNATURES
from app.web.assets import PREFIX


@cache
def _serializer(keys: tuple[str, ...]) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        list(keys),
        salt=SecureCookieSessionInterface.salt,
        serializer=SecureCookieSessionInterface.serializer,
        signer_kwargs=SIGNATURES,
    )


class SignedSessions(SecureCookieSessionInterface):
    """Flask's session interface with our signatures. A signed cookie without a session counts as an
    empty session, not as an error. Static files have no session."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer:
        return _serializer(signing_keys(app.config))

    def get_cookie_name(self, app: Flask) -> str:
        return cookies.name("session")

    def get_cookie_path(self, app: Flask) -> str:
        return cookies.path()

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(PREFIX):
            return None  # otherwise Flask-Login reads it, and Flask adds `Vary: Cookie`
        try:
            return super().open_session(app, request)
        except (BadData, TypeError, ValueError):
            return self.session_class()


def session_ids() -> tuple[ObjectId, str] | None:
    """The ids of the account and of its login session in this browser's cookie."""
    return parse_ids(session.get("_user_id"))


def parse_ids(cookie_id: Any) -> tuple[ObjectId, str] | None:
    """The two ids in the value that Flask-Login stores, or None if it has another form."""
    if not isinstance(cookie_id, str):
        return None
    user_id, _, session_id = cookie_id.partition(".")
    try:
        return ObjectId(user_id), session_id
    except InvalidId:
        return None


def browser_key() -> str:
    """A hash of this browser's CSRF secret, to recognise a browser that sends a form twice.

    The cookie of a known browser cannot be used: it is set by the first answer, which may get lost.
    """
    return hashlib.sha256(str(session.get("csrf_token", "")).encode()).hexdigest()[:32]
