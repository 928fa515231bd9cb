"""The pages about passkeys and recovery codes in a real browser with a virtual authenticator."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.mongo import current_mongo
from tests.authenticator import AuthenticatorApp
from tests.browser.app_server import AppServer, serve_with_mailbox
from tests.browser.conftest import NewPage
from tests.browser.test_every_page import problems, too_wide
from tests.browser.test_journey import PASSWORD, sign_up

ADA = "ada@example.com"
SECURITY = "/profile/security"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AppServer]:
    """The app; mail is sent when a test reads the mailbox."""
    with serve_with_mailbox(tmp_path / "mail") as server:
        yield server


@pytest.fixture
def site(server: AppServer) -> str:
    """The address that `new_page` opens."""
    return server.url


@pytest.fixture
def page(server: AppServer, new_page: NewPage) -> Page:
    """A person with a confirmed account on a device that makes passkeys."""
    page = new_page(permissions=["clipboard-read", "clipboard-write"], reduced_motion="reduce")
    add_authenticator(page)
    sign_up(page, ADA)
    page.goto(server.mailbox.newest(ADA).link)
    expect(page.locator(".alert-success")).to_be_visible()
    return page


def add_authenticator(page: Page, **options: Any) -> None:
    """A platform authenticator of the DevTools protocol, which needs no touch."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    usual = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**usual, **options}})


def create(page: Page, name: str) -> None:
    """Presses the button on the page about security."""
    page.goto(SECURITY)
    page.get_by_label("Name of the new passkey").fill(name)
    page.get_by_role("button", name="Create a passkey").click()


def account(server: AppServer) -> dict[str, Any]:
    """The stored account."""
    with server.app.app_context():
        found: dict[str, Any] | None = current_mongo().users.find_one({"email": ADA})
    assert found
    return found


def forget_the_sign_in(server: AppServer) -> None:
    """As if the person had signed in an hour ago."""
    (session,) = account(server)["sessions"]
    earlier = {"sessions.0.signed_in_on": session["signed_in_on"] - timedelta(hours=1)}
    with server.app.app_context():
        current_mongo().users.update_one({"email": ADA}, {"$set": earlier})


def test_a_passkey_is_created_named_and_removed(server: AppServer, page: Page) -> None:
    create(page, "Work laptop")
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()
    item = page.get_by_role("listitem").filter(has_text="Work laptop")
    expect(item).to_contain_text("This device only")
    item.get_by_text("Rename").click()
    item.get_by_label("New name").fill("Home laptop")
    item.get_by_role("button", name="Save").click()
    expect(page.locator(".alert-success")).to_contain_text("new name")
    item = page.get_by_role("listitem").filter(has_text="Home laptop")
    item.get_by_role("button", name="Remove").click()
    expect(page.locator(".alert-success")).to_contain_text("removed")
    assert account(server)["passkeys"] == []


def test_the_recovery_codes_can_be_copied_downloaded_and_printed(page: Page) -> None:
    create(page, "")
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    codes = page.locator("[data-code]").all_text_contents()
    assert len(codes) == 10
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status").filter(has_text="copied")).to_be_visible()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "recovery-codes.txt"
    text = download.value.path().read_text()
    assert text.splitlines()[2:] == codes == copied.splitlines()[2:]
    assert ADA in text
    page.evaluate("() => { window.print = () => { window.printed = true } }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("() => window.printed")
    page.emulate_media(media="print")
    expect(page.locator("[data-code]").first).to_be_visible()
    for hidden in (".lk-header", ".lk-footer", "[data-code-tools]", ".alert"):
        expect(page.locator(hidden).first).to_be_hidden()


def test_a_second_passkey_on_the_same_device_is_a_sentence(page: Page) -> None:
    create(page, "")
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    create(page, "")
    expect(page.get_by_role("alert")).to_contain_text("has a passkey of your account already")
    button = page.get_by_role("button", name="Create a passkey")
    expect(button).to_be_enabled()


def test_after_the_proof_the_form_has_the_name_that_was_typed(
    server: AppServer, page: Page
) -> None:
    forget_the_sign_in(server)
    create(page, "Work laptop")
    page.wait_for_url("**/reauth?next=*")
    page.get_by_label("Current password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{SECURITY}")
    expect(page.get_by_label("Name of the new passkey")).to_have_value("Work laptop")
    assert "passkeys" not in account(server)
    page.get_by_role("button", name="Create a passkey").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    assert account(server)["passkeys"][0]["name"] == "Work laptop"


def test_a_passkey_proves_who_one_is(server: AppServer, page: Page) -> None:
    create(page, "")
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    (session,) = account(server)["sessions"]
    earlier = {"sessions.0.proved_strongly_on": session["signed_in_on"] - timedelta(hours=1)}
    with server.app.app_context():
        current_mongo().users.update_one({"email": ADA}, {"$set": earlier})
    page.goto(f"{SECURITY}/recovery-codes")
    page.wait_for_url("**/reauth?next=*")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"**{SECURITY}/recovery-codes")
    expect(page.get_by_role("button", name="Make ten new codes")).to_be_visible()


def test_the_export_is_downloaded_after_the_proof(server: AppServer, page: Page) -> None:
    forget_the_sign_in(server)
    page.goto("/profile")
    page.get_by_role("link", name="Export").click()
    page.wait_for_url("**/reauth?next=*")
    page.get_by_label("Current password", exact=True).fill(PASSWORD)
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "account.json"
    expect(page.get_by_role("button", name="Go on")).to_be_enabled()
    with page.expect_download():
        page.goto("/profile")
        page.get_by_role("link", name="Export").click()


def test_the_keyboard_alone_creates_a_passkey(page: Page) -> None:
    page.goto(SECURITY)
    page.get_by_label("Name of the new passkey").focus()
    page.keyboard.type("Keys")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    page.keyboard.press("Tab")  # skips to the content first
    assert page.evaluate("() => document.activeElement.matches('a')")


def test_the_browser_is_told_which_passkeys_are_valid(page: Page) -> None:
    told: list[Any] = []
    page.expose_function("told", lambda accepted: told.append(accepted))
    page.add_init_script(
        "PublicKeyCredential.signalAllAcceptedCredentials = async (all) => window.told(all)"
    )
    create(page, "")
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("listitem").filter(has_text="This device only")).to_be_visible()
    page.wait_for_timeout(100)
    assert [len(each["allAcceptedCredentialIds"]) for each in told] == [0, 1]
    assert {each["rpId"] for each in told} == {"localhost"}


def test_the_quiet_offer_is_dismissed_for_good(page: Page) -> None:
    page.goto("/")
    offer = page.get_by_role("region", name="Next time without a password")
    expect(offer).to_be_visible()
    assert problems(page, "home-offer") + too_wide(page, "home-offer") == ""
    offer.get_by_role("button", name="Do not offer it again").click()
    page.wait_for_url("**/")
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    expect(offer).to_have_count(0)


def test_nothing_is_offered_where_the_device_makes_no_passkeys(
    server: AppServer, new_page: NewPage
) -> None:
    page = new_page()
    sign_up(page, ADA)
    page.goto(server.mailbox.newest(ADA).link)
    expect(page.locator(".alert-success")).to_be_visible()
    page.goto("/")
    page.wait_for_timeout(200)
    expect(page.locator("[data-passkey-offer]")).to_be_hidden()


def test_without_scripts_the_page_says_that_passkeys_are_not_possible_and_an_app_is(
    server: AppServer, new_page: NewPage
) -> None:
    page = new_page(java_script_enabled=False)
    sign_up(page, ADA)
    page.goto(server.mailbox.newest(ADA).link)
    page.get_by_role("button", name="Confirm this address").click()
    page.goto(SECURITY)
    expect(page.get_by_text("This browser cannot create passkeys")).to_be_visible()
    page.get_by_role("link", name="Set up an authenticator app").first.click()
    app = AuthenticatorApp(page.locator("[data-secret]").text_content() or "")
    page.get_by_label("Code", exact=True).fill(app.code())
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("[data-code]")).to_have_count(10)
    expect(page.locator("[data-code-tools]")).to_be_hidden()


def test_a_passkey_is_made_quietly_beside_another_factor(server: AppServer, page: Page) -> None:
    """The virtual authenticator cannot create without a person, so the script's call is changed."""
    page.goto(f"{SECURITY}/totp")
    app = AuthenticatorApp(page.locator("[data-secret]").text_content() or "")
    page.get_by_label("Code", exact=True).fill(app.code())
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("[data-code]")).to_have_count(10)
    page.add_init_script(
        """
        PublicKeyCredential.getClientCapabilities = async () => ({ conditionalCreate: true });
        const create = navigator.credentials.create.bind(navigator.credentials);
        navigator.credentials.create = ({ publicKey, mediation }) => {
          if (mediation !== 'conditional') throw new Error(`mediation: ${mediation}`);
          return create({ publicKey });
        };
        """
    )
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.goto("/")
    expect(page.locator("[data-passkey-offer]")).to_be_hidden()
    page.goto(SECURITY)
    expect(page.locator(".alert-success")).to_contain_text("Your passkey is ready")
    assert len(account(server)["passkeys"]) == 1
