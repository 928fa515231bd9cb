"""Gives schemathesis a new session for each call, so that a call that signs out ends only its own.

It runs in the process of schemathesis, with the settings of the server.
"""

from functools import cache
from typing import Any

import schemathesis
from flask import Flask

from app import create_app
from app.mongo import users
from app.security import bearer_tokens
from app.security.login_sessions import new_session
from app.users.client import Client, Program


@cache
def _app() -> Flask:
    return create_app()


@schemathesis.auth(refresh_interval=None)
class NewSession:
    """A session of ada@example.com that was signed in with a second factor."""

    def get(self, _case: Any, _context: Any) -> str:
        """The token."""
        secret = bearer_tokens.new_secret()
        program = Program(bearer_tokens.session_id_of(secret), "schemathesis")
        with _app().app_context():
            user = users.find_by_email("ada@example.com")
            assert user is not None, "no call may delete the account"
            session = new_session(Client(program=program), second_factor=True)
            assert users.sign_in(user, session)
            return bearer_tokens.make(user, secret)

    def set(self, case: Any, token: str, _context: Any) -> None:
        """Adds the header."""
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
