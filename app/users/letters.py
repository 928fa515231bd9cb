"""Owed letters: mails that must still be sent, stored in the account's `outbox`.

A letter says what to write and has no link. The link is signed when the mail leaves, so no live
link is stored.
"""

import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.users.client import Client
from app.users.documents import DocumentView


class LetterKind(StrEnum):
    """What a letter says. Each kind has a function in `mail/contents.py` and a folder of templates.

    A newer version may have stored kinds that are not here, so `Letter.kind` can be any text.
    """

    CONFIRM = "confirm"
    REMINDER = "reminder"
    ACCOUNT_EXISTS = "account_exists"
    RESET = "reset"
    PASSWORD_RESET = "password_reset"
    PASSWORD_CHANGED = "password_changed"
    EMAIL_CHANGE = "email_change"
    EMAIL_CHANGE_ASKED = "email_change_asked"
    EMAIL_CHANGED = "email_changed"
    EMAIL_CHANGED_UNDO = "email_changed_undo"
    EMAIL_UNDONE = "email_undone"
    NEW_SIGN_IN = "new_sign_in"
    ACCOUNT_DELETED = "account_deleted"
    ACCOUNT_REMOVED = "account_removed"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    TOTP_ADDED = "totp_added"
    TOTP_REMOVED = "totp_removed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    PASSKEY_CLONED = "passkey_cloned"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    FACTOR_RESET_LINK = "factor_reset_link"
    FACTOR_RESET_WAITING = "factor_reset_waiting"
    FACTOR_RESET_READY = "factor_reset_ready"
    FACTOR_RESET_CANCELLED = "factor_reset_cancelled"
    FACTORS_REMOVED = "factors_removed"
    FACTORS_REMOVED_BY_ADMIN = "factors_removed_by_admin"
    ADMIN_GRANTED = "admin_granted"
    ADMIN_WITHDRAWN = "admin_withdrawn"


CONFIRMATIONS = frozenset({LetterKind.CONFIRM, LetterKind.REMINDER})
"""Letters with a confirmation link. Only the newest one has a link that works."""


GOODBYES = frozenset({LetterKind.ACCOUNT_DELETED, LetterKind.ACCOUNT_REMOVED})
"""The last letter of a deleted account. When it leaves, the rest of the account is deleted."""


@dataclass(frozen=True, slots=True)
class Letter(DocumentView):
    """One owed letter."""

    kind: str
    owed_on: datetime
    due_on: datetime | None
    """When the letter may be sent or tried again; None if it was refused permanently."""
    message_id: str
    """The part of Message-ID before the @. It is stored, so that a mail that is sent twice has the
    same one."""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    to: str = ""
    """The recipient; empty for the address that the account has when the mail leaves."""
    version: int = 0
    """The version in a link that does not name the account's present version: that of an undo
    link, and that of a reset of the second factors."""
    other: str = ""
    """The other address in a letter about a change; the name of a passkey."""
    address: str = ""
    browser: str = ""
    """Where the request came from that caused the letter."""
    attempts: int = 0
    lease: str | None = None
    """Fencing id: only the worker that has it may settle the letter."""
    trouble: str | None = None
    """Why the letter has not been sent yet, in the mail server's words."""
    refusal: str | None = None
    """Why the letter is not tried again (`refusals.Refusal`)."""
    alike: str | None = None
    """`trouble` without the parts about this recipient; stored when the letter is refused."""
    refused_on: datetime | None = None
    """When the letter was last refused."""
    troubled_on: datetime | None = None
    """When the letter itself failed first. Some days later it is given up. The time in a blocked
    queue does not count."""
    unsure: int = 0
    """How often the letter was sent and no answer came, so that the mail server may have it."""
    blocked: bool = False
    """True if the problem stops every letter: it is with us, the mail server or the connection."""
    blockage: str | None = None
    """The kind of that problem (`refusals.Trouble`)."""
    blocks: int = 0
    """How often in a row the letter was blocked. This does not count as an attempt."""

    def document(self) -> dict[str, Any]:
        """The letter as it is stored in `outbox`, without the fields that only a failed letter
        has."""
        stored = asdict(self)
        return {name: stored[name] for name in stored if name not in _OF_TROUBLE}


_OF_TROUBLE = frozenset(
    ("refusal", "alike", "refused_on", "troubled_on", "unsure", "blockage", "blocks")
)


def owe(
    kind: LetterKind,
    now: datetime,
    client: Client | None = None,
    *,
    to: str = "",
    version: int = 0,
    other: str = "",
    due_on: datetime | None = None,
) -> Letter:
    """A new letter, due at once unless `due_on` says when."""
    client = client or Client()
    return Letter(
        kind=kind.value,
        owed_on=due_on or now,
        due_on=due_on or now,
        message_id=secrets.token_hex(16),
        to=to,
        version=version,
        other=other,
        address=client.address,
        browser=client.browser,
    )
