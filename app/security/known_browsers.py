"""Known browsers: accounts recognise a browser that was signed in before by a lasting cookie. The
cookie alone does not sign anybody in."""

import secrets
from datetime import timedelta

from flask import after_this_request, current_app, request
from flask.wrappers import Response
from itsdangerous import BadData, URLSafeSerializer

from app.security import cookies
from app.security.signing import signing_keys
from app.users.links import SIGNATURES

_LASTS = timedelta(days=400)  # browsers allow no more


def _signer() -> URLSafeSerializer:
    config = current_app.config
    salt = f"{config['SECURITY_PASSWORD_SALT']}:device"
    return URLSafeSerializer(list(signing_keys(config)), salt=salt, signer_kwargs=SIGNATURES)


def current_device() -> str:
    """The id in this browser's cookie, or a new one."""
    try:
        device = _signer().loads(request.cookies.get(cookies.name("device"), ""))
    except BadData:
        device = None
    return device if isinstance(device, str) else secrets.token_urlsafe(16)


def remember(device: str) -> None:
    """Sets the cookie with the answer to this request."""
    value = _signer().dumps(device)

    @after_this_request
    def _set(response: Response) -> Response:
        response.set_cookie(
            cookies.name("device"),
            str(value),
            max_age=_LASTS,
            path=cookies.path(),
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )
        return response
