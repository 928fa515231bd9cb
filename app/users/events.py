"""What can happen on an account, and the listeners that get the events."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bson import ObjectId

from app.users.documents import DocumentView


class EventKind(StrEnum):
    """What can happen on an account. A newer version may have stored kinds that are not here."""

    REGISTERED = "registered"
    CONFIRMED = "confirmed"
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    PASSWORD_CHANGED = "password_changed"
    RESET_ASKED = "reset_asked"
    PASSWORD_RESET = "password_reset"
    EMAIL_CHANGE_ASKED = "email_change_asked"
    EMAIL_CHANGE_CANCELLED = "email_change_cancelled"
    EMAIL_CHANGED = "email_changed"
    EMAIL_UNDONE = "email_undone"
    SESSIONS_ENDED = "sessions_ended"
    EXPORTED = "exported"
    CONFIRMATION_SENT = "confirmation_sent"
    RESET_SENT = "reset_sent"
    DISABLED = "disabled"
    ENABLED = "enabled"
    TOTP_ADDED = "totp_added"
    TOTP_REMOVED = "totp_removed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    PASSKEY_CLONED = "passkey_cloned"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    FACTOR_RESET_ASKED = "factor_reset_asked"
    FACTOR_RESET_STARTED = "factor_reset_started"
    FACTOR_RESET_CANCELLED = "factor_reset_cancelled"
    FACTORS_REMOVED = "factors_removed"
    ADMIN_GRANTED = "admin_granted"
    ADMIN_WITHDRAWN = "admin_withdrawn"

    # Only in the audit log, because they are minor or delete the account.
    SIGNED_OUT = "signed_out"
    PROVED = "proved"
    PASSKEY_RENAMED = "passkey_renamed"
    TRUST_ENDED = "trust_ended"
    CONFIRMATION_RESENT = "confirmation_resent"
    REMINDED = "reminded"
    OWNER_TOLD = "owner_told_of_registration"
    STARTED_OVER = "started_over"
    DISOWNED = "disowned"
    GAVE_WAY = "claim_gave_way"
    DELETED = "deleted"
    ADMIN_CREATED = "admin_created"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a step did. It names the account by its id, never by its address."""

    kind: EventKind | str
    account: ObjectId | None
    """None when somebody tried an address that has no account."""
    by: str = "self"
    again: bool = False
    """A newer claim took over an unconfirmed account."""
    took: timedelta | None = None
    """The time from registering to a confirmed address."""


Listener = Callable[[Event], None]
"""A function that is called with each event after its write."""


def ignore(event: Event) -> None:
    """A listener that does nothing."""


@dataclass(frozen=True, slots=True)
class ActivityEntry(DocumentView):
    """One entry of the account's activity, as stored in `events`."""

    kind: str
    at: datetime
    by: str = "self"
    address: str = ""
    browser: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Tally(DocumentView):
    """Counts events that a stranger can cause without end, since the last sign-in.

    There is one count instead of many entries, so that a stranger cannot push other entries out of
    the activity.
    """

    count: int
    at: datetime
    address: str = ""
    browser: str = ""
