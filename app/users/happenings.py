"""What the steps tell of: each thing that happened on an account, once, as it happens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bson import ObjectId

from app.users.user import EventKind


class Deed(StrEnum):
    """What happens and leaves no line in the account's activity: it is small, or the account is
    gone with it."""

    SIGNED_OUT = "signed_out"
    CONFIRMATION_RESENT = "confirmation_resent"
    REMINDED = "reminded"
    OWNER_TOLD = "owner_told_of_registration"
    STARTED_OVER = "started_over"
    DISOWNED = "disowned"
    GAVE_WAY = "claim_gave_way"
    DELETED = "deleted"
    ADMIN_CREATED = "admin_created"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that a step did. It names the account by its id, never by its address."""

    kind: EventKind | Deed | str
    account: ObjectId | None
    """None where there is no account: somebody tried an address that nobody has."""
    by: str = "self"
    again: bool = False
    """A newer claim on an address that an unconfirmed account had."""
    took: timedelta | None = None
    """From registering to a proven address."""


Tell = Callable[[Happening], None]
"""Hears of each happening, after the write that made it so."""


def tell_nobody(happening: Happening) -> None:
    """Where nobody listens."""
