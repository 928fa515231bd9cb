"""Who sends a request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """What is known about the sender of a request; all of it may be empty."""

    address: str = ""
    """The IP address."""
    browser: str = ""
    """The User-Agent header."""
    device: str = ""
    """The id in the lasting cookie that tells a known browser from an unknown one."""

    @property
    def origin(self) -> dict[str, str]:
        """What is stored with an event: where the request came from."""
        return {"address": self.address, "browser": self.browser}
