"""Whether an opened link can be used. The functions are pure: they take the link and the account.

`viewer` is the account, or the decoy, that is signed in, or None. Both are judged alike.
"""

from enum import Enum

from app.users.links import Link, Reading
from app.users.user import FormerEmail, User


class LinkOutcome(Enum):
    """What happens with an opened link."""

    READY = "ready"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    ALREADY_DONE = "already done"
    ANOTHER_ACCOUNT = "another account's"
    TAKEN = "taken"
    DAMAGED = "damaged"
    GONE = "gone"
    DISABLED = "disabled"


def judge_confirmation(link: Link, user: User | None, viewer: User | None) -> LinkOutcome:
    """Decides on a link that confirms the address of a registration."""
    if link.reading is Reading.DAMAGED:
        return LinkOutcome.DAMAGED
    if user is None or link.version > user.token_version:
        return LinkOutcome.GONE
    if user.confirmed:
        same = link.email_key == user.email_key
        return LinkOutcome.ALREADY_DONE if same else LinkOutcome.GONE
    if user.disabled_on:
        return LinkOutcome.DISABLED
    if viewer and viewer.id != user.id:
        return LinkOutcome.ANOTHER_ACCOUNT
    if link.version < user.token_version:
        return LinkOutcome.SUPERSEDED
    return _by_age(link)


def judge_reset(link: Link, user: User | None) -> LinkOutcome:
    """Decides on a link to choose a new password. It does not matter who is signed in."""
    if link.reading is Reading.DAMAGED:
        return LinkOutcome.DAMAGED
    if user is None or link.version > user.reset_version:
        return LinkOutcome.GONE
    void = user.reset_letter_id is None or link.email_key != user.email_key
    if void or link.version < user.reset_version:
        return LinkOutcome.SUPERSEDED
    return _by_age(link)


def judge_email_change(link: Link, user: User | None, viewer: User | None) -> LinkOutcome:
    """Decides on the link that was mailed to a new address."""
    if link.reading is Reading.DAMAGED:
        return LinkOutcome.DAMAGED
    if user is None:
        return LinkOutcome.GONE
    if user.disabled_on:
        return LinkOutcome.DISABLED
    if link.email_key == user.email_key:
        return LinkOutcome.ALREADY_DONE
    if viewer and viewer.id != user.id:
        return LinkOutcome.ANOTHER_ACCOUNT
    pending = user.pending_email
    if not pending or (pending.email_key, pending.version) != (link.email_key, link.version):
        return LinkOutcome.SUPERSEDED
    return _by_age(link)


def judge_undo(link: Link, user: User | None) -> LinkOutcome:
    """Decides on the link that undoes a change of address."""
    if link.reading is Reading.DAMAGED:
        return LinkOutcome.DAMAGED
    if user is None:
        return LinkOutcome.GONE
    if former_email(link, user):
        return _by_age(link)
    restored = link.email_key == user.email_key
    return LinkOutcome.ALREADY_DONE if restored else LinkOutcome.SUPERSEDED


def judge_factor_reset_start(link: Link, user: User | None) -> LinkOutcome:
    """Decides on the link that starts the waiting period for people without their second
    factor."""
    if link.reading is Reading.DAMAGED:
        return LinkOutcome.DAMAGED
    if user is None or link.version > user.factor_reset_version:
        return LinkOutcome.GONE
    if user.disabled_on:
        return LinkOutcome.DISABLED
    waits = user.factor_reset is not None and user.factor_reset.version == link.version
    if waits:
        return LinkOutcome.ALREADY_DONE
    moved = link.email_key != user.email_key or not user.has_second_factor
    if moved or link.version < user.factor_reset_version:
        return LinkOutcome.SUPERSEDED
    return _by_age(link)


def judge_factor_reset(link: Link, user: User | None) -> LinkOutcome:
    """Decides on a link to a reset of the second factors that waits: one that finishes it, or one
    that cancels it."""
    if link.reading is Reading.DAMAGED:
        return LinkOutcome.DAMAGED
    if user is None:
        return LinkOutcome.GONE
    if user.disabled_on:
        return LinkOutcome.DISABLED
    waiting = user.factor_reset
    if waiting is None or waiting.version != link.version or link.email_key != user.email_key:
        return LinkOutcome.SUPERSEDED
    return _by_age(link)


def former_email(link: Link, user: User) -> FormerEmail | None:
    """The former address that an undo link restores, if the account still has it."""
    for former in user.former_emails:
        if (former.email_key, former.version) == (link.email_key, link.version):
            return former
    return None


def _by_age(link: Link) -> LinkOutcome:
    return LinkOutcome.EXPIRED if link.reading is Reading.EXPIRED else LinkOutcome.READY
