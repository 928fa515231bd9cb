"""An opened link: its contents, its account, and the person who opened it.

That person may have a decoy. A decoy counts as another account, as a new account would; otherwise a
stranger could register an address, open a link of their own, and see whether the address is taken.
"""

from dataclasses import dataclass

from bson import ObjectId

from app.mongo import users
from app.observability import audit_log
from app.security.signing import link_signer
from app.users.link_outcomes import LinkOutcome
from app.users.links import Link, Purpose
from app.users.user import Decoy, User


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link with the account that it names (`user`) and the account, or the decoy, that is signed
    in (`viewer`)."""

    purpose: Purpose
    token: str
    link: Link
    user: User | None
    viewer: User | None

    @property
    def is_owner(self) -> bool:
        """Whether the person who opened the link is signed in to its account."""
        return self.user is not None and _is_account(self.viewer, self.user.id)


@dataclass(frozen=True, slots=True)
class LinkRefused:
    """The link cannot be used; `outcome` says why. READY means that another step came first."""

    outcome: LinkOutcome
    opened: OpenedLink


def open_link(purpose: Purpose, token: str, viewer: User | None) -> OpenedLink:
    """Reads a token and looks its account up, unless it is the account that is signed in."""
    link = link_signer().read(purpose, token)
    user = None
    if link.user_id is not None:
        user = viewer if _is_account(viewer, link.user_id) else users.find(link.user_id)
    return OpenedLink(purpose, token, link, user, viewer)


def open_again(opened: OpenedLink) -> OpenedLink:
    """The same link with the account as it is now, after a step on it was refused."""
    user = users.find(opened.user.id) if opened.user else None
    return OpenedLink(opened.purpose, opened.token, opened.link, user, opened.viewer)


def refuse(opened: OpenedLink, outcome: LinkOutcome) -> LinkRefused:
    """Records that a link was refused."""
    audit_log.record(
        "link_refused",
        outcome="refused",
        account=opened.user.id if opened.user else None,
        purpose=opened.purpose.name.lower(),
        reason=outcome.name.lower(),
    )
    return LinkRefused(outcome, opened)


def _is_account(viewer: User | None, user_id: ObjectId) -> bool:
    """Whether the viewer is signed in to this account. A decoy never is, but it can have the id of
    an account: that of a visitor whose claim was taken over by a newer one."""
    return viewer is not None and viewer.id == user_id and not isinstance(viewer, Decoy)
