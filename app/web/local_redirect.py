"""Where `next` may lead: to pages of this app and of the trusted apps (ASVS 3.7.2)."""

import re
from urllib.parse import unquote

from flask import current_app, request, url_for

from settings.hosts import origin

# A path of printable ASCII without a host. Browsers would "correct" other characters.
_LOCAL_PATH = re.compile(r"/(?!/)[!-~]*")
_END_OF_PATH = re.compile(r"[?#]")
# Scheme, host with or without a port, and the rest, in printable ASCII. A user name, a backslash
# and a dot after the host do not fit.
_ABSOLUTE = re.compile(
    r"([Hh][Tt][Tt][Pp][Ss]?)://([A-Za-z0-9.-]*[A-Za-z0-9](?::[0-9]{1,5})?)((?:[/?#][!-~]*)?)"
)


def safe_target(target: str | None) -> str:
    """The target if it is a path of this app or a page of a trusted app, else the home page."""
    return trusted_page(target or "") or _local_path(target) or url_for("main.home")


def trusted_page(target: str) -> str | None:
    """The URL of a page of a trusted app; None if the target is something else.

    The parsed origin is compared, and the answer begins with the origin as the settings have it. So
    another reading of the text by a browser cannot lead elsewhere.
    """
    found = _ABSOLUTE.fullmatch(target)
    if not found:
        return None
    scheme, host, rest = found.groups()
    try:
        site = origin(scheme.lower(), host)
    except ValueError:
        return None
    trusted: list[str] = current_app.config["TRUSTED_ORIGINS"]
    return f"{site}{rest or '/'}" if site in trusted else None


def _local_path(target: str | None) -> str | None:
    # Split before decoding, because an encoded question mark does not end the path.
    path = unquote((target or "").partition("?")[0])
    segments = path.split("/")[1:]
    unsafe = "\\" in path or any(segment in {"", ".", ".."} for segment in segments[:-1])
    if not target or unsafe or not _LOCAL_PATH.fullmatch(target) or not _LOCAL_PATH.fullmatch(path):
        return None
    return target if _is_below(request.script_root, target) else None


def _is_below(root: str, target: str) -> bool:
    """Whether a path is below the one that the app is mounted at. Other applications on this host
    may be redirectors."""
    plain = _END_OF_PATH.split(target, maxsplit=1)[0]
    return plain == root or plain.startswith(f"{root}/")
