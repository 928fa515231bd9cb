"""A signed-in browser: one entry of the account's `sessions`."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.users.client import Client
from app.users.documents import DocumentView


@dataclass(frozen=True, slots=True)
class LoginSession(DocumentView):
    """One signed-in browser."""

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

    @property
    def handle(self) -> str:
        """Identifies the session on pages. The id itself stays secret: the cookie needs it to sign
        a browser in."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:16]

    @property
    def client(self) -> Client:
        """Who started the session."""
        return Client(self.address, self.browser, self.device)

    def alive(self, now: datetime) -> bool:
        """Whether the session has not expired, absolutely or by being idle (ASVS 7.3.1, 7.3.2)."""
        return now < self.expires_on and now < self.seen_on + timedelta(seconds=self.idle_seconds)
