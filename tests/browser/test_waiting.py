"""The waiting page: each situation in which people get stuck, and the way out of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.app_server import UNKNOWN_DOMAIN, AppServer, serve_with_mailbox
from tests.browser.conftest import NewPage
from tests.browser.test_journey import PASSWORD, sign_up
from tests.mailbox import Mail

EMAIL = "ada@example.com"
PATIENCE = 15_000  # milliseconds; the page polls every two seconds at first, then less often


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AppServer]:
    """The app; mail is sent when a test reads the mailbox."""
    with serve_with_mailbox(tmp_path) as server:
        yield server


@pytest.fixture
def site(server: AppServer) -> str:
    """The address that `new_page` opens."""
    return server.url


def code_of(mail: Mail) -> str:
    """The six digits of a mail, which both of its parts show."""
    (code,) = re.findall(r"^(\d{3} \d{3})\s*$", mail.text, re.MULTILINE)
    assert code in mail.html
    return str(code)


def wrong(code: str) -> str:
    """Another code."""
    digits = code.replace(" ", "")
    return f"{(int(digits) + 1) % 10**6:06}"


def main(page: Page) -> Locator:
    """The main part of the page."""
    return page.get_by_role("main")


def expect_home(page: Page) -> None:
    """Waits for the home page, which says that the address is confirmed."""
    expect(page).to_have_url(re.compile("/$"), timeout=PATIENCE)
    expect(main(page)).to_contain_text("is confirmed")


def tab_to(page: Page, target: Locator) -> None:
    """Presses Tab until the target has the focus."""
    for _stop in range(30):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"the keyboard does not reach {target}")


def test_the_waiting_page_moves_on_after_a_confirmation_on_a_phone(
    server: AppServer, new_page: NewPage
) -> None:
    laptop, phone = new_page(), new_page(viewport={"width": 360, "height": 740}, has_touch=True)
    sign_up(laptop)
    phone.goto(server.mailbox.newest(EMAIL).link)
    phone.get_by_label("Password", exact=True).fill(PASSWORD)
    phone.get_by_role("button", name="Confirm this address").tap()
    expect_home(phone)
    expect_home(laptop)


def test_the_waiting_page_shows_when_the_mail_was_sent_and_keeps_typed_digits(
    server: AppServer, new_page: NewPage
) -> None:
    page = new_page(timezone_id="Asia/Tokyo", locale="en-GB")
    sign_up(page)
    expect(main(page)).to_contain_text("on its way")
    page.keyboard.type("123")
    server.mailbox.all()
    sent = main(page).get_by_text("The mail was sent at")
    expect(sent).to_be_visible(timeout=PATIENCE)
    expect(sent).not_to_contain_text("UTC")  # the page shows the time zone of the browser
    expect(page.get_by_label("Code")).to_have_value("123")
    expect(page.get_by_label("Code")).to_be_focused()


def test_a_hidden_waiting_page_does_not_poll(server: AppServer, new_page: NewPage) -> None:
    page = new_page()
    # Chromium without a window never hides a page, so the test overrides `document.hidden`.
    page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => !window.seen})")
    page.clock.install()
    sign_up(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(120_000)
    assert not [url for url in asked if "unconfirmed" in url]
    server.mailbox.all()
    page.evaluate("window.seen = true; document.dispatchEvent(new Event('visibilitychange'))")
    expect(main(page)).to_contain_text("The mail was sent")


def test_an_ended_session_leads_to_the_sign_in_form(server: AppServer, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page)
    page.context.clear_cookies()
    expect(page).to_have_url(re.compile("/login"), timeout=PATIENCE)
    expect(page.locator(".alert")).to_have_count(1)


@pytest.mark.parametrize("spelling", ["{0}{1}", "{0} {1}", "{0}-{1}"])
def test_a_typed_code_submits_itself(server: AppServer, new_page: NewPage, spelling: str) -> None:
    page = new_page()
    sign_up(page)
    code = code_of(server.mailbox.newest(EMAIL))
    expect(page.get_by_label("Code")).to_be_focused()
    page.keyboard.type(spelling.format(*code.split()))
    expect_home(page)


def test_a_pasted_code_submits_itself(server: AppServer, new_page: NewPage) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    sign_up(page)
    code = code_of(server.mailbox.newest(EMAIL))
    page.evaluate("text => navigator.clipboard.writeText(text)", f"{code}\n")
    page.keyboard.press("ControlOrMeta+v")
    expect_home(page)


def test_a_wrong_code_shows_the_tries_left_and_can_be_overwritten(
    server: AppServer, new_page: NewPage
) -> None:
    page = new_page()
    sign_up(page)
    code = code_of(server.mailbox.newest(EMAIL))
    page.keyboard.type(wrong(code))
    field = page.get_by_label("Code")
    expect(field).to_have_accessible_description(re.compile("4 tries left"))
    expect(field).to_be_focused()
    expect(page.locator(".alert-danger")).to_be_visible()
    page.keyboard.type(code)
    expect_home(page)


def test_after_five_wrong_codes_the_page_asks_for_a_new_mail(
    server: AppServer, new_page: NewPage
) -> None:
    page = new_page()
    sign_up(page)
    code = code_of(server.mailbox.newest(EMAIL))
    for _attempt in range(5):
        page.get_by_label("Code").fill(wrong(code))
        page.wait_for_url("**/unconfirmed/code")
        page.goto("/unconfirmed")
    expect(main(page)).to_contain_text("Too many wrong codes")
    expect(page.get_by_label("Code")).to_have_count(0)
    page.get_by_role("button", name="Send a new mail").click()
    page.get_by_label("Code").fill(code_of(server.mailbox.newest(EMAIL)))
    expect_home(page)


def test_the_waiting_page_works_without_scripts(server: AppServer, new_page: NewPage) -> None:
    page = new_page(java_script_enabled=False)
    sign_up(page)
    expect(main(page)).to_contain_text("on its way")
    page.get_by_role("button", name="Send a new mail").click()
    expect(page.locator(".alert-success")).to_contain_text("on its way")

    page.get_by_role("button", name="Use another address").click()
    expect(page).to_have_url(re.compile("/register$"))
    expect(page.get_by_label("Email address")).to_have_value(EMAIL)

    sign_up(page)
    page.get_by_label("Code").fill(code_of(server.mailbox.newest(EMAIL)))
    main(page).get_by_role("button", name="Confirm").click()
    expect_home(page)


def test_a_person_can_register_with_the_keyboard_alone(
    server: AppServer, new_page: NewPage
) -> None:
    page = new_page()
    page.goto("/register")
    expect(page.get_by_label("Email address")).to_be_focused()
    page.keyboard.type(EMAIL)
    for label in ("Password", "Password again"):
        tab_to(page, page.get_by_label(label, exact=True))
        page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code")).to_be_focused()
    page.keyboard.type(code_of(server.mailbox.newest(EMAIL)))
    expect_home(page)
    tab_to(page, page.get_by_role("link", name="Go to your profile"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Profile")).to_be_visible()


def test_a_suggested_address_can_be_accepted_with_the_keyboard(
    server: AppServer, new_page: NewPage
) -> None:
    page = new_page()
    page.goto("/register")
    expect(page.get_by_label("Email address")).to_be_focused()
    page.keyboard.type("ada@gmial.com")
    offer = page.get_by_role("button", name="ada@gmail.com")
    expect(offer).to_be_visible()
    page.keyboard.press("Tab")
    expect(offer).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Email address")).to_have_value("ada@gmail.com")
    expect(page.get_by_label("Email address")).to_be_focused()
    expect(offer).to_have_count(0)


def test_an_address_is_never_refused_because_of_its_domain(
    server: AppServer, new_page: NewPage
) -> None:
    page = new_page()
    page.goto("/register")
    expect(page.get_by_label("Email address")).to_be_focused()
    page.keyboard.type(f"ada@{UNKNOWN_DOMAIN}")
    page.keyboard.press("Tab")
    expect(main(page)).to_contain_text(f"no mail server for {UNKNOWN_DOMAIN}")
    sign_up(page, "ada@gmial.com")
    expect(page.locator(".alert-warning")).to_contain_text("Did you mean ada@gmail.com?")
    page.locator(".alert-warning").get_by_role("button", name="Use another address").click()
    page.get_by_role("button", name="ada@gmail.com").click()
    expect(page.get_by_label("Email address")).to_have_value("ada@gmail.com")


def test_a_refused_address_is_shown_and_can_be_corrected(
    server: AppServer, new_page: NewPage
) -> None:
    page = new_page()
    sign_up(page, "ada@gmial.com")
    expect(main(page)).to_contain_text("on its way")
    server.refuse_mail()
    expect(page.get_by_role("heading", level=1)).to_have_text("Wrong address?", timeout=PATIENCE)
    expect(page).to_have_title(re.compile("Wrong address"))
    expect(page.locator(".alert-danger")).to_have_text(
        re.compile("There is no such mailbox at gmial.com")
    )
    expect(main(page)).to_be_focused()  # the field with the focus no longer exists

    tab_to(page, page.get_by_role("button", name="Use another address"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Email address")).to_have_value("ada@gmial.com")
    sign_up(page, "ada@gmail.com")
    page.get_by_label("Code").fill(code_of(server.mailbox.newest("ada@gmail.com")))
    expect_home(page)


@pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "signed out"])
def test_the_page_of_a_superseded_link_sends_a_new_mail(
    server: AppServer, new_page: NewPage, signed_in: bool
) -> None:
    owner = new_page()
    sign_up(owner)
    older = server.mailbox.newest(EMAIL).link
    owner.get_by_role("button", name="Send a new mail").click()
    expect(owner.locator(".alert-success")).to_contain_text("on its way")
    newer = server.mailbox.newest(EMAIL).link

    page = owner if signed_in else new_page()
    page.goto(older)
    expect(page.locator(".alert-warning")).to_contain_text("A newer mail was sent at")
    page.get_by_role("button", name="Send a new mail").click()
    expect(page.locator(".alert-success")).to_contain_text(EMAIL)
    newest = server.mailbox.newest(EMAIL).link
    assert newest not in {older, newer}
    owner.goto(newest)
    expect_home(owner)


def test_the_page_of_an_expired_link_sends_a_new_mail(server: AppServer, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page)
    link = server.mailbox.newest(EMAIL).link
    server.app.config["CONFIRM_MAX_AGE"] = -1
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link has expired")
    server.app.config["CONFIRM_MAX_AGE"] = 3600
    page.get_by_role("button", name="Send a new mail").click()
    page.goto(server.mailbox.newest(EMAIL).link)
    expect_home(page)


@pytest.mark.parametrize("refused", [False, True], ids=["sent", "refused"])
def test_the_waiting_page_fits_a_phone(server: AppServer, new_page: NewPage, refused: bool) -> None:
    page = new_page(viewport={"width": 360, "height": 740})
    sign_up(page, f"{'long' * 15}@{'a-long-domain.' * 3}example.com")
    if refused:
        server.refuse_mail()
        page.reload()
        expect(page.get_by_role("heading", name="Wrong address?")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
