"""An opened link: its contents, its account, and the person who opened it."""

from dataclasses import dataclass

from app.mongo import users
from app.observability import audit_log
from app.security.signing import link_signer
from app.users.link_outcomes import LinkOutcome
from app.users.links import Link, Purpose
from app.users.user import User


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link with the account that it names (`user`) and the account that is signed in
    (`viewer`)."""

    purpose: Purpose
    token: str
    link: Link
    user: User | None
    viewer: User | None

    @property
    def is_owner(self) -> bool:
        """Whether the person who opened the link is signed in to its account."""
        return bool(self.viewer and self.user and self.viewer.id == self.user.id)


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
        is_viewers = viewer is not None and viewer.id == link.user_id
        user = viewer if is_viewers else users.find(link.user_id)
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
