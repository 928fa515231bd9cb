"""The names and the path of our cookies."""

from flask import current_app, request


def name(kind: str) -> str:
    """The name of the cookie for this purpose.

    With the prefix `__Host-` browsers bind a cookie to this host, but they accept it only for the
    path `/`. If the app is below a path, or other hosts share the session, the prefix is
    `__Secure-`. Only the session is shared, never the cookie of a known browser.
    """
    config = current_app.config
    if not config["SESSION_COOKIE_SECURE"]:
        return kind
    shared = kind == "session" and config["SESSION_COOKIE_DOMAIN"]
    return f"{'__Secure-' if request.script_root or shared else '__Host-'}{kind}"


def path() -> str:
    """The path of our cookies: the path that the app is below. Other applications on this host do
    not get them."""
    return request.script_root or "/"
