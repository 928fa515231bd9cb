"""The names and the path of our cookies."""

from flask import current_app, request


def name(kind: str) -> str:
    """The name of the cookie for this purpose.

    With the prefix `__Host-` browsers bind a cookie to this host, but they accept it only for the
    path `/`. If the app is below a path, the prefix is `__Secure-`.
    """
    if not current_app.config["SESSION_COOKIE_SECURE"]:
        return kind
    return f"{'__Secure-' if request.script_root else '__Host-'}{kind}"


def path() -> str:
    """The path of our cookies: the path that the app is below. Other applications on this host do
    not get them."""
    return request.script_root or "/"
