"""Who sends a request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """What is known about the sender of a request. Each field may be empty."""

    address: str = ""
    """The IP address."""
    browser: str = ""
    """The User-Agent header."""
    device: str = ""
    """The id from the lasting cookie. Accounts recognise browsers by it."""

    @property
    def origin(self) -> dict[str, str]:
        """Where the request came from, as stored with an event."""
        return {"address": self.address, "browser": self.browser}
