"""The security headers of every answer (ASVS 3.4)."""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask

# Pages load only files of the app itself. Bootstrap's icons are data: URLs in its style sheet.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; form-action {targets}; frame-src 'self';"
    " object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
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
    # Browsers also apply `form-action` to the redirect after a form: that of a sign-in may lead to
    # a trusted app.
    targets = " ".join(["'self'", *app.config["TRUSTED_ORIGINS"]])
    policy = _POLICY.format(targets=targets)
    app.wsgi_app = SecurityHeaders(app.wsgi_app, policy)  # type: ignore[method-assign]


class SecurityHeaders:
    """Adds the headers when an answer begins, so no answer leaves without them."""

    def __init__(self, app: WSGIApplication, policy: str) -> None:
        self._app = app
        # The development mailbox sets its own policy, and static files set their own Cache-Control.
        self._defaults = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            given = {name for name, _ in headers}
            headers += [default for default in self._defaults.items() if default[0] not in given]
            headers += _ALWAYS.items()
            if environ["wsgi.url_scheme"] == "https":
                headers.append(("Strict-Transport-Security", _YEAR))
            return start_response(status, headers, *error)

        return self._app(environ, start)
