"""Deleting an unconfirmed account whose address was mistyped."""

from app.mongo import users
from app.users.clock import utcnow
from app.users.user import User


def start_over(user: User, session_id: str) -> None:
    """Deletes the account in which this session is signed in. For a decoy nothing happens."""
    users.start_over(user, session_id, utcnow())
