"""Who sends a request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """A program that uses the API with a bearer token instead of a cookie."""

    session_id: str
    """The id of its login session: of the present one, or of the one that this request starts. It
    is a hash, so what is stored cannot be used as a token (see `security/bearer_tokens.py`)."""
    name: str
    """How the program names itself in the list of sessions."""


@dataclass(frozen=True, slots=True)
class Client:
    """What is known about the sender of a request. Each field may be empty."""

    address: str = ""
    """The IP address."""
    browser: str = ""
    """The User-Agent header."""
    device: str = ""
    """The id from the lasting cookie. Accounts recognise browsers by it."""
    program: Program | None = None
    """None for a browser."""

    @property
    def origin(self) -> dict[str, str]:
        """Where the request came from, as stored with an event."""
        return {"address": self.address, "browser": self.browser}
