"""The state of a person who waits for the confirmation mail."""

from dataclasses import dataclass
from datetime import datetime

from flask import current_app

from app.users.clock import utcnow
from app.users.refusals import Refusal
from app.users.user import User


@dataclass(frozen=True, slots=True)
class ConfirmationStatus:
    """What the waiting page shows, and what its script polls."""

    confirmed: bool
    mail: str
    """`queued`, `sent` or `failed`."""
    sent_on: datetime | None
    refusal: Refusal | None
    """Why the mail is not tried again, when `mail` is `failed`."""
    resend_in: int
    """Seconds until another mail may be asked for."""


def confirmation_status(user: User) -> ConfirmationStatus:
    """The status of an account, or of a decoy."""
    mail = user.confirm_mail
    return ConfirmationStatus(
        confirmed=user.confirmed,
        mail=user.mail_state,
        sent_on=mail.sent_on if mail else None,
        refusal=mail.refused_as if mail else None,
        resend_in=user.resend_in(current_app.config["RESEND_COOLDOWN"], utcnow()),
    )
