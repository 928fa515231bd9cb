"""Deleting an unconfirmed account whose address was mistyped."""

from app.security.decoys import waiting_store
from app.security.equal_time import equal_time
from app.users.clock import utcnow
from app.users.user import User


def start_over(user: User, session_id: str) -> None:
    """Deletes the account, or the decoy, in which this session is signed in."""
    with equal_time():  # of a decoy nothing is recorded
        waiting_store(user).start_over(user, session_id, utcnow())
