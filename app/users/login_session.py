"""A signed-in browser or program: one entry of the account's `sessions`."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.users.client import Client
from app.users.documents import DocumentView

PROOF_LASTS = timedelta(minutes=10)
"""How long a proof of identity lasts, within one session."""


@dataclass(frozen=True, slots=True)
class LoginSession(DocumentView):
    """One signed-in browser, or one program that has a bearer token."""

    id: str
    signed_in_on: datetime
    seen_on: datetime
    expires_on: datetime
    """The session ends at this time at the latest."""
    idle_seconds: int
    """How long the session lives without a request."""
    device: str = ""
    """The id of the known browser, from its lasting cookie."""
    address: str = ""
    browser: str = ""
    name: str = ""
    """The name that a program has given itself; empty for a browser."""
    second_factor: bool = False
    """Whether the browser was signed in with a second factor."""
    proved_on: datetime | None = None
    """When the person last proved who they are, if that was after signing in."""
    proved_strongly_on: datetime | None = None
    """When the person last proved it with a second factor, if that was after signing in."""

    @property
    def handle(self) -> str:
        """Identifies the session on pages. The id itself stays secret: the cookie needs it to sign
        a browser in."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:16]

    @property
    def client(self) -> Client:
        """Who started the session."""
        return Client(self.address, self.browser, self.device)

    def last_proof(self, *, strongly: bool) -> datetime | None:
        """When the person last proved who they are. Signing in is a proof.

        Args:
            strongly: whether the account has a second factor. Then a password is a proof only in a
                session that was signed in with a second factor.
        """
        by_any = max(filter(None, (self.signed_in_on, self.proved_on, self.proved_strongly_on)))
        return by_any if self.second_factor or not strongly else self.proved_strongly_on

    def proved(self, now: datetime, *, strongly: bool) -> bool:
        """Whether the last proof is not older than ten minutes; see `last_proof`."""
        last = self.last_proof(strongly=strongly)
        return last is not None and now - last <= PROOF_LASTS

    @property
    def proved_by_factor(self) -> bool:
        """Whether a second factor was proven in this session, when signing in or later."""
        return self.second_factor or self.proved_strongly_on is not None

    def alive(self, now: datetime) -> bool:
        """Whether the session has not expired, absolutely or by being idle (ASVS 7.3.1, 7.3.2)."""
        return now < self.expires_on and now < self.seen_on + timedelta(seconds=self.idle_seconds)
