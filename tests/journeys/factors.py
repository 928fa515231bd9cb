"""People with second factors, made as people make them: on the pages."""

import json
from typing import Any

from bs4 import BeautifulSoup
from werkzeug.test import TestResponse

from tests.authenticator import AuthenticatorApp
from tests.software_authenticator import SoftwareAuthenticator
from tests.visitor import Visitor, soup

TOTP, SECURITY = "/profile/security/totp", "/profile/security"
PASSKEYS, CODES = "/profile/security/passkeys", "/profile/security/recovery-codes"


def codes_on(answer: TestResponse) -> list[str]:
    """The recovery codes on a page."""
    return [code.get_text() for code in soup(answer).select("[data-code]")]


def add_app(visitor: Visitor) -> tuple[AuthenticatorApp, TestResponse]:
    """Sets up an authenticator app."""
    app = AuthenticatorApp.scanning(visitor.page(TOTP))
    return app, visitor.submit(TOTP, code=app.code())


def options_of(visitor: Visitor, mode: str = "") -> dict[str, Any]:
    """The options to create a passkey with."""
    answer = visitor.get(f"{PASSKEYS}/options{mode}")
    assert answer.status_code == 200, answer.text[:200]
    options: dict[str, Any] = json.loads(answer.text)
    return options


def add_passkey(
    visitor: Visitor, name: str = "", key: SoftwareAuthenticator | None = None
) -> tuple[SoftwareAuthenticator, TestResponse]:
    """Adds a passkey, as the script on the page does."""
    key = key or SoftwareAuthenticator()
    credential = key.create(options_of(visitor))
    return key, visitor.submit(PASSKEYS, on=SECURITY, credential=credential, name=name)


def passkey_paths(page: BeautifulSoup, end: str) -> list[str]:
    """The targets of the forms about passkeys that end so: `rename` or `remove`."""
    forms = page.select(f"form[action^='{PASSKEYS}/'][action$='/{end}']")
    return [str(form["action"]) for form in forms]
