"""What a person fills in about the account: the fields that are declared as editable."""

from collections.abc import Mapping
from typing import Any

from app.users.steps.accounts import Accounts
from app.users.user import EDITABLE, User


class Profile:
    """Stores editable fields."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def set_profile(self, user: User, session_id: str, profile: Mapping[str, Any]) -> bool:
        refuse_other_fields(profile)
        guard = {"_id": user.id, "sessions.id": session_id}
        return self._accounts.update(guard, {"$set": dict(profile)})


def refuse_other_fields(profile: Mapping[str, Any] | None) -> None:
    """Raises ValueError unless every field is declared as editable."""
    if not_editable := set(profile or ()) - EDITABLE:
        raise ValueError(f"not editable: {', '.join(sorted(not_editable))}")
