"""The security headers of every answer (ASVS 3.4)."""

from flask import Flask, request
from flask.wrappers import Response

# The development mailbox sets its own CSP, and static files set their own Cache-Control.
_DEFAULTS = {
    # Pages load only files of the app itself. Bootstrap's icons are data: URLs in its style sheet.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " font-src 'self'; connect-src 'self'; form-action 'self'; frame-src 'self';"
        " object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    # The path of a link has the token, and other sites must not see it (ASVS 14.2.1).
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_YEAR = "max-age=31536000; includeSubDomains"


def init_app(app: Flask) -> None:
    """Adds the headers to every answer."""
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    for name, value in _DEFAULTS.items():
        response.headers.setdefault(name, value)
    response.headers.extend(_ALWAYS)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = _YEAR
    return response
