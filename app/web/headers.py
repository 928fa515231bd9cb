"""The security headers of every answer (ASVS 3.4)."""

from flask import Flask, request
from flask.wrappers import Response
from secure import (
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    PermissionsPolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
)

# Everything comes from the app itself; Bootstrap's icons are data: URLs in its stylesheet.
_CONTENT = (
    ContentSecurityPolicy()
    .default_src("'none'")
    .script_src("'self'")
    .style_src("'self'")
    .img_src("'self'", "data:")
    .font_src("'self'")
    .connect_src("'self'")
    .form_action("'self'")
    .frame_src("'self'")
    .object_src("'none'")
    .base_uri("'none'")
    .frame_ancestors("'none'")
)
# Made once. A page of the development mailbox sets a CSP of its own.
_CSP = Secure(csp=_CONTENT).headers
_HEADERS = Secure(
    xcto=XContentTypeOptions().nosniff(),
    # A link's token is in the path, and no other site may learn it (ASVS 14.2.1).
    referrer=ReferrerPolicy().no_referrer(),
    coop=CrossOriginOpenerPolicy().same_origin(),
    permissions=PermissionsPolicy().camera().geolocation().microphone(),
).headers
_HTTPS_ONLY = Secure(
    hsts=StrictTransportSecurity().max_age(365 * 86400).include_subdomains()
).headers


def init_app(app: Flask) -> None:
    """Adds the headers to every answer."""
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    for name, value in _CSP.items():
        response.headers.setdefault(name, value)
    response.headers.extend(_HEADERS)
    # Static files set their own.
    response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.extend(_HTTPS_ONLY)
    return response
