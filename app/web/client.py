"""The client of the current request."""

from flask import request

from app.security import known_browsers
from app.users.client import Client

_BROWSER_LENGTH = 300


def current_client() -> Client:
    """The sender of this request."""
    return Client(
        address=request.remote_addr or "",
        browser=request.user_agent.string[:_BROWSER_LENGTH],
        device=known_browsers.current_device(),
    )
