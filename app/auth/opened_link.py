"""A link that somebody has opened: what it says, whose account it is, and who opened it."""

from dataclasses import dataclass

from flask_login import current_user

from app.links import link_signer
from app.mongo import users
from app.users.links import Link, Purpose, Reading
from app.users.user import User


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A signed link with what it is about."""

    token: str
    link: Link
    user: User | None
    viewer: User | None

    @property
    def damaged(self) -> bool:
        """Forged, foreign or cut off."""
        return self.link.reading is Reading.DAMAGED

    @property
    def expired(self) -> bool:
        """Signed by us, too long ago."""
        return self.link.reading is Reading.EXPIRED

    @property
    def is_owner(self) -> bool:
        """Whether whoever opened it is signed in to the account."""
        return bool(self.viewer and self.user and self.viewer.id == self.user.id)


def open_link(purpose: Purpose, token: str) -> OpenedLink:
    """Reads a token; finds its account, unless that is the one signed in."""
    link, viewer = link_signer().read(purpose, token), _viewer()
    if link.user_id is None:
        return OpenedLink(token, link, None, viewer)
    if viewer and viewer.id == link.user_id:
        return OpenedLink(token, link, viewer, viewer)
    return OpenedLink(token, link, users.find(link.user_id), viewer)


def _viewer() -> User | None:
    """Whoever is really signed in: a decoy is nobody."""
    if not current_user.is_authenticated or current_user.decoy:
        return None
    user: User = current_user.user
    return user
