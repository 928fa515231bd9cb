"""Forward authentication: a proxy asks whether a request may pass to the app behind it.

docs/front-door.md has the configurations of the proxies. The answer depends on the session alone.
No `Remote-*` header of the request counts. `X-Forwarded-*` headers decide only whether and where a
browser is led, and it is led to trusted apps only.
"""

import string
from urllib.parse import quote, urlencode

from flask import Response, current_app, request, url_for
from flask_login import current_user

from app.api.operations import operation
from app.api.problems import problem
from app.flows import verify as flow
from app.flows.verify import (
    NoSecondFactor,
    NotAdministrator,
    Passed,
    SignedOut,
    Unconfirmed,
    UnknownRequirement,
)
from app.users.login_session import LoginSession
from app.users.user import User
from app.web.local_redirect import trusted_page
from app.web.proof import viewing_session
from app.web.second_factor_policy import lacks_factor

# The sign-in page gets it in a query, where it may be three times as long. Servers accept about
# 8000 characters.
_LONGEST_PAGE = 2000


@operation(
    "GET",
    "/verify",
    tag="Front door",
    parameters=("require", "redirect"),
    problems=(
        *("unknown_requirement", "authentication_required", "confirmation_required"),
        *("forbidden", "second_factor_required"),
    ),
)
def verify() -> Response:
    """Ask whether the person who is signed in may pass to the app behind the proxy.

    The headers Remote-User, Remote-Email and Remote-Groups say who this is.
    """
    user, session = _viewer()
    lacking = user is not None and lacks_factor(user)
    required = request.args.getlist("require")
    match flow.verify(user, session, required, lacks_factor=lacking):
        case Passed(passing) as passed:
            return Response(headers=_identity(passing, passed.groups))
        case UnknownRequirement():
            return problem("unknown_requirement")
        case SignedOut():
            return _lead_to(_sign_in_page()) or problem("authentication_required")
        case Unconfirmed():
            return _lead_to(_public("auth.unconfirmed")) or problem("confirmation_required")
        case NotAdministrator():
            return problem("forbidden")
        case NoSecondFactor():
            return problem("second_factor_required")


def _viewer() -> tuple[User | None, LoginSession | None]:
    """The account or decoy that is signed in, and its session."""
    if not current_user.is_authenticated:
        return None, None
    return current_user.user, viewing_session()


def _identity(user: User, groups: list[str]) -> dict[str, str]:
    return {
        "Remote-User": str(user.id),
        "Remote-Email": _address(user),
        "Remote-Groups": ",".join(groups),
        "Cache-Control": "no-store",
    }


def _address(user: User) -> str:
    """The address in ASCII, with its domain in punycode.

    Addresses are ASCII before the @. In one that another system has stored, other characters are
    percent-encoded as UTF-8, since a header cannot have them.
    """
    typed = user.email.rpartition("@")[0]
    local, _, domain = user.email_key.rpartition("@")
    return quote(f"{typed if typed.isascii() else local}@{domain}", safe=string.punctuation)


def _lead_to(url: str) -> Response | None:
    """A redirect if the app asks for it and the request opens a page; None otherwise."""
    wanted = request.args.get("redirect") == "true" and _opens_page()
    return Response(status=302, headers={"Location": url}) if wanted else None


def _opens_page() -> bool:
    """Whether a browser opens a page. A script or a program could do nothing with a form."""
    mode = request.headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    method = request.headers.get("X-Forwarded-Method", request.method)
    return method in {"GET", "HEAD"} and any(
        kind.partition(";")[0].strip().lower() == "text/html" and quality > 0
        for kind, quality in request.accept_mimetypes
    )


def _sign_in_page() -> str:
    """The sign-in page. It leads back to the page that was opened, if that is a trusted app's."""
    page, headers = None, request.headers
    # Not `request.host`, which is that header only with TRUSTED_PROXIES.
    scheme, host = headers.get("X-Forwarded-Proto", ""), headers.get("X-Forwarded-Host", "")
    url = f"{scheme}://{host}{headers.get('X-Forwarded-Uri', '/')}"
    if len(url) <= _LONGEST_PAGE:
        page = trusted_page(url)
    query = f"?{urlencode({'next': page})}" if page else ""
    return f"{_public('auth.login')}{query}"


def _public(endpoint: str) -> str:
    """The URL of a page on PUBLIC_URL. The host and the path of the request are the app's."""
    path = url_for(endpoint).removeprefix(request.script_root)
    return f"{current_app.config['PUBLIC_URL']}{path}"
