"""As much of HTTP as the load needs: requests as bytes, and answers that are read once."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)", re.IGNORECASE)
_SET_COOKIE = re.compile(rb"\r\nSet-Cookie: ([^;\r]+)", re.IGNORECASE)
_CSRF = re.compile(rb'name="csrf_token"[^>]* value="([^"]+)"')
_USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    head: bytes
    body: bytes

    @property
    def last(self) -> bool:
        """Whether the server closes the connection after it."""
        return b"\r\nconnection: close" in self.head.lower()

    @property
    def cookie(self) -> str:
        """What it sets, as a browser would send it back."""
        return "; ".join(cookie.decode() for cookie in _SET_COOKIE.findall(self.head))

    @property
    def csrf_token(self) -> str:
        """The token in the page's first form."""
        found = _CSRF.search(self.body)
        if found is None:
            raise ValueError(f"no form in the answer {self.status}: {self.body[:200]!r}")
        return found[1].decode()

    def expect(self, *statuses: int) -> None:
        """Fails unless the status is one of these: a fast refusal must not count as a step."""
        if self.status not in statuses:
            raise ValueError(f"{self.status} instead of {statuses}: {self.body[:300]!r}")


def complete(received: bytes) -> Answer | None:
    """The answer, once all of it has been received."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    length = _LENGTH.search(head)
    if length is None:
        raise ValueError(f"an answer without its length: {head[:200]!r}")
    return Answer(int(head[9:12]), head, body) if len(body) >= int(length[1]) else None


def get(path: str, cookie: str = "") -> bytes:
    """A browser's request for a page."""
    return f"GET {path} HTTP/1.1\r\n{_headers(cookie)}\r\n".encode()


def post(path: str, fields: dict[str, str], cookie: str = "") -> bytes:
    """A browser's form."""
    body = urlencode(fields)
    form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{_headers(cookie)}{form}\r\n{body}".encode()


def _headers(cookie: str) -> str:
    sent = f"Cookie: {cookie}\r\n" if cookie else ""
    return f"Host: 127.0.0.1\r\nUser-Agent: {_USER_AGENT}\r\nAccept: text/html,*/*;q=0.8\r\n{sent}"
