"""Who may pass to an app behind the front door (forward authentication)."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from app.users.login_session import LoginSession
from app.users.user import User


class Requirement(StrEnum):
    """What an app can require beyond a confirmed account."""

    ADMIN = "admin"
    SECOND_FACTOR = "second-factor"


@dataclass(frozen=True, slots=True)
class Passed:
    """The person may pass."""

    user: User

    @property
    def groups(self) -> list[str]:
        """The groups of the person: `users`, and `admin` for an administrator."""
        return ["users", "admin"] if self.user.admin else ["users"]


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The request has no living session."""


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The address is not confirmed, or the account is a decoy."""


@dataclass(frozen=True, slots=True)
class NotAdministrator:
    """The app requires an administrator."""


@dataclass(frozen=True, slots=True)
class NoSecondFactor:
    """The app or the policy requires a second factor. The account has none, or it was not proven in
    this session."""


@dataclass(frozen=True, slots=True)
class UnknownRequirement:
    """The app requires something that does not exist."""


def verify(
    user: User | None,
    session: LoginSession | None,
    required: Collection[str],
    *,
    lacks_factor: bool,
) -> Passed | SignedOut | Unconfirmed | NotAdministrator | NoSecondFactor | UnknownRequirement:
    """Decides whether a person may pass.

    Args:
        user: the account or decoy that is signed in.
        session: its session. A decoy has none.
        required: all of these must hold; see `Requirement`.
        lacks_factor: whether the policy asks this person for a second factor, and there is none.
    """
    if not set(required) <= set(Requirement):
        return UnknownRequirement()
    if user is None:
        return SignedOut()
    if not user.confirmed or session is None:
        return Unconfirmed()
    if Requirement.ADMIN in required and not user.admin:
        return NotAdministrator()
    if lacks_factor or (Requirement.SECOND_FACTOR in required and not session.proved_by_factor):
        return NoSecondFactor()
    return Passed(user)
