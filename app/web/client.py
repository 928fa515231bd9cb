"""The client of the current request."""

import secrets

from flask import request

from app.security import known_browsers
from app.users.client import Client, Program

_BROWSER_LENGTH = 300


def current_client() -> Client:
    """The sender of this request, a browser."""
    return plain_client(known_browsers.current_device())


def plain_client(device: str = "", program: Program | None = None) -> Client:
    """The sender of this request, whatever its cookies say.

    Args:
        device: the id of the browser or program; a new one if it is empty.
    """
    return Client(
        address=request.remote_addr or "",
        browser=request.user_agent.string[:_BROWSER_LENGTH],
        device=device or secrets.token_urlsafe(16),
        program=program,
    )
