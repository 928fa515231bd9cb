"""Starts login sessions: for a program with a token, for a browser with the cookie."""

from dataclasses import dataclass

from flask import Response

from app.api.answers import reply
from app.api.authentication import bearer_token, require_csrf
from app.api.fields import FieldRefused
from app.api.problems import FieldError
from app.api.shapes import SignedIn, account_of
from app.security import bearer_tokens
from app.security.passkeys import written_name
from app.users.client import Client, Program
from app.users.login_session import LoginSession
from app.users.user import User
from app.web import viewer
from app.web.client import current_client, plain_client
from app.web.humanize import browser_name


@dataclass(frozen=True, slots=True)
class Start:
    """Who asks for a session."""

    client: Client
    secret: str
    """The secret of the new token; empty for a browser."""

    @property
    def cookie(self) -> bool:
        """Whether the cookie will hold the session."""
        return not self.secret


def start_for(device: str, *, cookie: bool) -> Start:
    """Prepares a session.

    Args:
        device: how the program names itself.

    Raises:
        CSRFError: a browser has not sent the CSRF token.
        FieldRefused: a request with a bearer token wants a cookie, although it ignores cookies.
    """
    if not cookie:
        secret = bearer_tokens.new_secret()
        client = plain_client()
        name = written_name(device) or browser_name(client.browser) or "A program"
        program = Program(bearer_tokens.session_id_of(secret), name)
        return Start(plain_client(client.device, program), secret)
    if bearer_token() is not None:
        raise FieldRefused(
            FieldError("cookie", "not_with_token", "A request with a token ignores cookies.")
        )
    require_csrf()
    return Start(current_client(), "")


def session_answer(start: Start, user: User, session: LoginSession) -> Response:
    """201: gives the program its token, or the browser its cookie."""
    return reply(started(start, user, session), 201)


def started(start: Start, user: User, session: LoginSession) -> SignedIn:
    """The body of the answer; signs the browser in."""
    if start.cookie:
        viewer.start(user, session)
        return SignedIn(None, session.expires_on, account_of(user))
    token = bearer_tokens.make(user, start.secret)
    return SignedIn(token, session.expires_on, account_of(user))
