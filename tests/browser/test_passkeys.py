"""Signing in with a passkey in a real browser, with a virtual authenticator of the DevTools
protocol (https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/)."""

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import CDPSession, Page, Route, expect

from app.mongo import current_mongo
from tests.browser.app_server import serve
from tests.browser.conftest import NewPage
from tests.planted_factors import ADA, account, confirmed_in, plant_app, plant_codes, plant_passkey
from tests.software_authenticator import SoftwareAuthenticator
from tests.visitor import PASSWORD

BUTTON = "Use a passkey"
PROFILE = re.compile(r"/profile$")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """A served app with ada's account."""
    with serve(tmp_path, cooldown=1) as (app, _url):
        confirmed_in(app)
        yield app


@pytest.fixture
def site(app: Flask) -> str:
    """The address that `new_page` opens: browsers make no passkeys for an IP address."""
    return str(app.config["PUBLIC_URL"])


class VirtualAuthenticator:
    """An authenticator in one browser profile."""

    def __init__(self, page: Page, **options: object) -> None:
        self._devtools: CDPSession = page.context.new_cdp_session(page)
        self._devtools.send("WebAuthn.enable", {"enableUI": False})
        usual = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made = self._send("addVirtualAuthenticator", options=usual | options)
        self._id = made["authenticatorId"]

    def put(self, key: SoftwareAuthenticator, counter: int = 1) -> None:
        """Stores a passkey; the authenticator counts its signatures."""
        credential = {
            "credentialId": _b64(key.id),
            "isResidentCredential": True,
            "rpId": "localhost",
            "privateKey": _b64(key.private_key),
            "userHandle": _b64(key.user_handle or b""),
            "signCount": counter,
        }
        self._send("addCredential", authenticatorId=self._id, credential=credential)

    def use_automatically(self, *, enabled: bool) -> None:
        """Whether a person touches the authenticator as soon as it is asked."""
        self._send("setAutomaticPresenceSimulation", authenticatorId=self._id, enabled=enabled)

    def _send(self, method: str, **parameters: object) -> dict[str, Any]:
        answer: dict[str, Any] = self._devtools.send(f"WebAuthn.{method}", parameters)
        return answer


def _b64(data: bytes) -> str:
    return b64encode(data).decode()


@pytest.fixture
def key(app: Flask) -> SoftwareAuthenticator:
    """The passkey of ada, which has signed once."""
    return plant_passkey(app, key=SoftwareAuthenticator(counter=1, synced=False))


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A new browser profile."""
    return new_page(viewport={"width": 360, "height": 740})


def give_password(page: Page) -> None:
    page.get_by_label("Email address").fill(ADA)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()


def button(page: Page) -> Any:
    return page.get_by_role("button", name=BUTTON)


def quiet_elsewhere(page: Page) -> None:
    """Turns conditional UI off, which would sign in before the test presses the button."""
    page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false;")


def test_a_passkey_signs_in_by_the_button_and_leads_to_the_page(
    app: Flask, key: SoftwareAuthenticator, page: Page
) -> None:
    VirtualAuthenticator(page).put(key)
    quiet_elsewhere(page)
    page.goto("/profile")
    page.get_by_label("Keep me signed in").check()
    button(page).click()
    expect(page).to_have_url(PROFILE)
    expect(page.get_by_role("main")).to_contain_text(ADA)
    session = account(app).sessions[-1]
    assert session.second_factor
    assert session.idle_seconds == 30 * 86400, "the checkbox of the form counts"
    assert account(app).passkeys[0].counter == 2


def test_a_passkey_signs_in_from_the_list_of_the_address_field(
    app: Flask, key: SoftwareAuthenticator, page: Page
) -> None:
    """Conditional UI: the virtual authenticator picks the passkey at once."""
    VirtualAuthenticator(page).put(key)
    page.goto("/profile")
    expect(page).to_have_url(PROFILE)
    assert account(app).sessions[-1].second_factor


def test_the_button_works_while_the_address_field_offers_passkeys(
    key: SoftwareAuthenticator, page: Page
) -> None:
    """A browser answers one request at a time, so the first one must end."""
    authenticator = VirtualAuthenticator(page)
    authenticator.put(key)
    authenticator.use_automatically(enabled=False)
    with page.expect_response("**/login/passkey/options"):
        page.goto("/login?next=/profile")
    with page.expect_response("**/login/passkey/options"):
        button(page).click()
    authenticator.use_automatically(enabled=True)
    expect(page).to_have_url(PROFILE)


def test_a_passkey_without_user_verification_is_only_the_second_step(
    app: Flask, key: SoftwareAuthenticator, page: Page
) -> None:
    VirtualAuthenticator(page, transport="usb", hasUserVerification=False).put(key)
    quiet_elsewhere(page)
    page.goto("/login?next=/profile")
    button(page).click()
    expect(page.get_by_text("No passkey was used.")).to_be_visible()
    give_password(page)
    page.wait_for_url("**/login/second")
    button(page).click()
    expect(page).to_have_url(PROFILE)
    assert account(app).sessions[-1].second_factor


def test_a_passkey_without_user_verification_does_not_sign_in_alone(
    app: Flask, key: SoftwareAuthenticator, page: Page
) -> None:
    """Chromium itself asks for it, unless the page names the passkey, as a thief's page may."""

    def naming(route: Route) -> None:
        answer = route.fetch()
        named = {"allowCredentials": [{"type": "public-key", "id": account(app).passkeys[0].id}]}
        route.fulfill(response=answer, json=answer.json() | named)

    VirtualAuthenticator(page, transport="usb", hasUserVerification=False).put(key)
    quiet_elsewhere(page)
    page.route("**/login/passkey/options", naming)
    page.goto("/login?next=/profile")
    button(page).click()
    expect(page.locator(".alert-danger")).to_contain_text("password first")
    assert account(app).passkeys[0].used_on is None


def test_a_passkey_is_the_second_step_after_the_password(
    key: SoftwareAuthenticator, page: Page
) -> None:
    authenticator = VirtualAuthenticator(page)
    page.goto("/login?next=/profile")
    give_password(page)
    page.wait_for_url("**/login/second")
    authenticator.put(key)
    button(page).click()
    expect(page).to_have_url(PROFILE)


def test_a_cloned_passkey_is_refused_and_reported(
    app: Flask, key: SoftwareAuthenticator, page: Page, new_page: NewPage
) -> None:
    VirtualAuthenticator(page).put(key, counter=5)
    page.goto("/profile")
    expect(page).to_have_url(PROFILE)
    other = new_page()
    VirtualAuthenticator(other).put(key, counter=2)
    quiet_elsewhere(other)
    other.goto("/login")
    button(other).click()
    expect(other.locator(".alert-danger")).to_contain_text("could not be used")
    with app.app_context():
        (stored,) = current_mongo().users.find()
    assert "passkey_cloned" in {event["kind"] for event in stored["events"]}
    assert account(app).passkeys[0].counter == 6


def test_a_page_says_that_no_passkey_was_used_and_works_again(
    key: SoftwareAuthenticator, page: Page
) -> None:
    authenticator = VirtualAuthenticator(page)
    quiet_elsewhere(page)
    page.goto("/login?next=/profile")
    button(page).click()
    expect(page.get_by_text("No passkey was used.")).to_be_visible()
    expect(button(page)).to_be_enabled()
    authenticator.put(key)
    button(page).click()
    expect(page).to_have_url(PROFILE)


def test_two_tabs_do_not_disturb_each_other(key: SoftwareAuthenticator, page: Page) -> None:
    """The server knows the newest challenge only, and the button asks for a new one."""
    quiet_elsewhere(page)
    page.goto("/login?next=/profile")
    other = page.context.new_page()
    other.goto("/login")
    VirtualAuthenticator(page).put(key)
    button(page).click()
    expect(page).to_have_url(PROFILE)


def test_the_keyboard_alone_uses_a_passkey(key: SoftwareAuthenticator, page: Page) -> None:
    VirtualAuthenticator(page).put(key)
    quiet_elsewhere(page)
    page.goto("/login?next=/profile")
    button(page).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(PROFILE)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_codes_need_no_script(app: Flask, new_page: NewPage, scripts: bool) -> None:
    phone = plant_app(app)
    plant_passkey(app)
    code = plant_codes(app)[0]
    page = new_page(java_script_enabled=scripts, viewport={"width": 360, "height": 740})
    page.goto("/login?next=/profile")
    expect(button(page)).to_be_visible(visible=scripts)
    give_password(page)
    page.wait_for_url("**/login/second")
    expect(button(page)).to_be_visible(visible=scripts)
    field = page.get_by_label("Code from your authenticator app")
    expect(field).to_be_focused()
    field.fill(phone.code())
    page.keyboard.press("Enter")
    expect(page).to_have_url(PROFILE)
    page.get_by_role("button", name="Sign out").click()
    give_password(page)
    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill(code.lower())
    page.keyboard.press("Enter")
    expect(page.locator(".alert-info")).to_contain_text("9 recovery codes left")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, "fits a phone"
