"""What happened on the account."""

from app.mongo import users
from app.users.events import ActivityEntry
from app.users.user import User


def activity(user: User) -> list[ActivityEntry]:
    """The entries that are kept, newest first. One find."""
    return users.activity(user)
