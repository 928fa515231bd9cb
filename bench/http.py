"""The part of HTTP that the load needs: requests as bytes, and answers."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)", re.IGNORECASE)
_SET_COOKIE = re.compile(rb"\r\nSet-Cookie: ([^;\r]+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nLocation: ([^\r]+)", re.IGNORECASE)
_CSRF = re.compile(rb'name="csrf_token"[^>]* value="([^"]+)"')
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response."""

    status: int
    head: bytes
    body: bytes

    @property
    def last(self) -> bool:
        """Whether the server closes the connection after this answer."""
        return b"\r\nconnection: close" in self.head.lower()

    @property
    def cookie(self) -> str:
        """The cookies that it sets, as a browser sends them back."""
        return "; ".join(cookie.decode() for cookie in _SET_COOKIE.findall(self.head))

    @property
    def csrf_token(self) -> str:
        """The token in the page's first form."""
        found = _CSRF.search(self.body)
        if found is None:
            raise ValueError(f"no form in the answer {self.status}: {self.body[:200]!r}")
        return found[1].decode()

    @property
    def location(self) -> str:
        """Where it redirects to; empty if it does not."""
        found = _LOCATION.search(self.head)
        return found[1].decode() if found else ""

    def expect(self, *statuses: int) -> None:
        """Raises ValueError for any other status: a fast refusal must not count as a step."""
        if self.status not in statuses:
            raise ValueError(f"{self.status} instead of {statuses}: {self.body[:300]!r}")


def complete(received: bytes) -> Answer | None:
    """The answer, or None while a part of it is missing."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    length = _LENGTH.search(head)
    if length is None:
        raise ValueError(f"an answer without Content-Length: {head[:200]!r}")
    return Answer(int(head[9:12]), head, body) if len(body) >= int(length[1]) else None


def get(path: str, cookie: str = "", *, bearer: str = "") -> bytes:
    """The request of a browser for a page, or of a program with its token."""
    token = f"Authorization: Bearer {bearer}\r\n" if bearer else ""
    return f"GET {path} HTTP/1.1\r\n{_headers(cookie)}{token}\r\n".encode()


def post(path: str, fields: dict[str, str], cookie: str = "") -> bytes:
    """The request of a browser that sends a form."""
    body = urlencode(fields)
    form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{_headers(cookie)}{form}\r\n{body}".encode()


def _headers(cookie: str) -> str:
    cookies = f"Cookie: {cookie}\r\n" if cookie else ""
    return (
        f"Host: 127.0.0.1\r\nUser-Agent: {USER_AGENT}\r\nAccept: text/html,*/*;q=0.8\r\n{cookies}"
    )
