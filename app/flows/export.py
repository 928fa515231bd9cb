"""Downloading everything that is stored about the account."""

from typing import Any

from app.mongo import users
from app.users.client import Client
from app.users.clock import utcnow
from app.users.user import User


def export(user: User, client: Client) -> dict[str, Any]:
    """Every exported field of the account; the download is recorded in its activity."""
    return users.export(user, utcnow(), client)
