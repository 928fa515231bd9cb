"""Repairs links that mail programs have damaged.

Mail programs add a full stop, a bracket or a slash at the end, put line breaks into the link, or
decode only a part of it. A token has none of these characters, so they can be removed. The
signature still decides whether the token is valid.
"""

import html
import re
import unicodedata
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from flask import Flask, Request

# Every route with a token; a test compares it with the URL map.
_LINK = re.compile(
    r"(/confirm/|/reset/|/email/confirm/|/email/undo/|/factors/reset/|/factors/keep/)"
    r"(.+?)(/disown|/again)?",
    re.DOTALL,
)
_OF_A_TOKEN = re.compile("[A-Za-z0-9_-]")
# In quoted-printable, "=3D" is "=", and "=" at the end of a line is not part of the text.
_BREAKS = re.compile(r"=3D|=|[ \t\r\n]+")

_CUT_OFF = ("...", "\u2026")  # a mail program has shortened the link


class HealingRequest(Request):
    """A request whose path is repaired before routing. The access log has the path as it was
    sent."""

    def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        # WSGI decodes the bytes of the path as Latin-1.
        with suppress(UnicodeError):
            path = environ.get("PATH_INFO", "").encode("latin-1").decode()
            environ["PATH_INFO"] = healed_path(path).encode().decode("latin-1")
        super().__init__(environ, *args, **kwargs)


def init_app(app: Flask) -> None:
    """Makes the app repair the paths of links."""
    app.request_class = HealingRequest


def healed_path(path: str) -> str:
    """The path of a link without the additions of mail programs. Other paths are not changed."""
    link = _LINK.fullmatch(path)
    if link is None:
        return path
    start, token, end = link.groups()
    return f"{start}{healed_token(token) or token}{end or ''}"


def healed_token(text: str) -> str:
    """The token in a text: decoded, and without line breaks or punctuation around it."""
    if text.endswith(_CUT_OFF):
        return text
    text = _BREAKS.sub("", html.unescape(unquote(text)))
    first, last = 0, len(text)
    while last and _is_around(text[last - 1]):
        last -= 1
    # A compressed token begins with a full stop.
    while first < last and _is_around(text[first]) and text[first] != ".":
        first += 1
    return text[first:last]


def _is_around(character: str) -> bool:
    """Whether the character is punctuation, a symbol, a space or invisible. Control characters and
    bytes that are not UTF-8 are not removed: then the link is damaged."""
    if character == "\ufffd" or _OF_A_TOKEN.fullmatch(character):
        return False
    category = unicodedata.category(character)
    return category[0] in "PSZ" or category == "Cf"
