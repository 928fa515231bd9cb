"""Mailed links as mail programs mangle them: with a full stop or a bracket after them, a slash, a
line break in them, or half decoded.

A token has none of these characters. So taking them away cannot make a token that was not mailed:
its signature decides, as for every other link.
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
    r"(/confirm/|/reset/|/email/confirm/|/email/undo/)(.+?)(/disown|/again)?", re.DOTALL
)
_OF_A_TOKEN = re.compile("[A-Za-z0-9_-]")
# "=3D" is a quoted-printable "="; "=" before a line break is one that only the mail has.
_BREAKS = re.compile(r"=3D|=|[ \t\r\n]+")

_CUT_OFF = ("...", "\u2026")  # a program has shortened the link


class HealingRequest(Request):
    """A request whose path is healed before it is routed. The log has the path as it was sent."""

    def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        # WSGI has UTF-8 bytes as Latin-1.
        with suppress(UnicodeError):
            path = environ.get("PATH_INFO", "").encode("latin-1").decode()
            environ["PATH_INFO"] = healed_path(path).encode().decode("latin-1")
        super().__init__(environ, *args, **kwargs)


def init_app(app: Flask) -> None:
    """Heals the paths of links."""
    app.request_class = HealingRequest


def healed_path(path: str) -> str:
    """The path of a link without what a mail program has added; any other path as it is."""
    link = _LINK.fullmatch(path)
    if link is None:
        return path
    start, token, end = link.groups()
    return f"{start}{healed_token(token) or token}{end or ''}"


def healed_token(text: str) -> str:
    """The token in a text: decoded, without line breaks, and without punctuation around it."""
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
    """Whether it is punctuation, a sign, or not seen. Control characters, and what is not UTF-8,
    are other damage."""
    if character == "\ufffd" or _OF_A_TOKEN.fullmatch(character):
        return False
    category = unicodedata.category(character)
    return category[0] in "PSZ" or category == "Cf"
