"""The quiet offer to create a passkey, on the pages that people see after a sign-in."""

from dataclasses import dataclass

from flask_login import current_user

from app.security import passkeys
from app.users.user import User
from app.web.proof import is_proved


@dataclass(frozen=True, slots=True)
class PasskeyOffer:
    """A script shows it where the device can make a passkey."""

    quietly: bool
    """Whether the browser may make the passkey without asking. The first factor is never made so,
    since its recovery codes must be seen."""


def passkey_offer() -> PasskeyOffer | None:
    """The offer for the viewer; None for a person who has a passkey or wants no offer."""
    if not (current_user.is_authenticated and current_user.confirmed):
        return None
    user: User = current_user.user
    if user.passkeys or user.passkey_offer_dismissed or not passkeys.offered():
        return None
    return PasskeyOffer(quietly=user.has_second_factor and is_proved())
