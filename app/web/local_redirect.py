"""Where `next` may lead: only to pages of this app (ASVS 3.7.2)."""

import re
from urllib.parse import unquote

from flask import request, url_for

# A path of printable ASCII without a host. Browsers would "correct" other characters.
_LOCAL_PATH = re.compile(r"/(?!/)[!-~]*")
_END_OF_PATH = re.compile(r"[?#]")


def local_path(target: str | None) -> str:
    """The target if it is a path of this app, else the home page."""
    home = url_for("main.home")
    # Split before decoding, because an encoded question mark does not end the path.
    path = unquote((target or "").partition("?")[0])
    segments = path.split("/")[1:]
    unsafe = "\\" in path or any(segment in {"", ".", ".."} for segment in segments[:-1])
    if not target or unsafe or not _LOCAL_PATH.fullmatch(target) or not _LOCAL_PATH.fullmatch(path):
        return home
    return target if _is_below(request.script_root, target) else home


def _is_below(root: str, target: str) -> bool:
    """Whether a path is below the one that the app is mounted at. Other applications on this host
    may be redirectors."""
    plain = _END_OF_PATH.split(target, maxsplit=1)[0]
    return plain == root or plain.startswith(f"{root}/")
