"""The main journey in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage

PASSWORD = "correct horse battery staple"


def sign_up(page: Page, email: str = "ada@example.com") -> None:
    """Fills in and sends the registration form, and waits for the next page."""
    page.goto("/register")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    page.wait_for_url("**/unconfirmed")


def newest_link(page: Page) -> str:
    """The link in the development mailbox, which is reloaded until the mail is there."""
    page.goto("/dev/mail")
    link = page.locator("pre a[href*='/confirm/']").first
    for _attempt in range(50):
        if link.count():
            break
        page.wait_for_timeout(100)
        page.reload()
    return str(link.get_attribute("href"))


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_person_signs_up_confirms_and_opens_the_profile(new_page: NewPage, scripts: bool) -> None:
    page = new_page(java_script_enabled=scripts, viewport={"width": 360, "height": 740})
    sign_up(page)
    expect(page.get_by_role("main")).to_contain_text("ada@example.com")
    page.goto(newest_link(page))
    if not scripts:
        page.get_by_role("main").get_by_role("button", name=re.compile("Confirm")).first.click()
    expect(page.locator(".alert-success")).to_contain_text("confirmed")
    page.get_by_role("link", name="Profile").first.click()
    expect(page.get_by_role("main")).to_contain_text("ada@example.com")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, "fits a phone"


def test_the_link_asks_for_the_password_in_another_browser(new_page: NewPage) -> None:
    page, phone = new_page(), new_page()
    sign_up(page)
    phone.goto(newest_link(page))
    phone.get_by_label("Password", exact=True).fill(PASSWORD)
    phone.get_by_role("button", name="Confirm this address").click()
    expect(phone.locator(".alert-success")).to_contain_text("confirmed")


def test_signing_out_in_one_tab_clears_the_other_tabs(new_page: NewPage) -> None:
    """ASVS 14.3.1."""
    page = new_page()
    sign_up(page)
    other = page.context.new_page()
    other.goto("/unconfirmed")
    expect(other.get_by_role("main")).to_contain_text("ada@example.com")
    page.get_by_role("button", name="Sign out").click()
    expect(other).to_have_url(re.compile(r"/login\?next=%2Funconfirmed$"))
    expect(other.locator("body")).not_to_contain_text("ada@example.com")


def test_the_first_wrong_field_gets_the_focus_and_other_values_stay(new_page: NewPage) -> None:
    page = new_page()
    page.goto("/register")
    page.get_by_label("Email address").fill("ada@example.com")
    page.get_by_label("Password", exact=True).fill("password1")
    page.get_by_label("Password again", exact=True).fill("password1")
    page.keyboard.press("Enter")
    password = page.get_by_label("Password", exact=True)
    expect(password).to_be_focused()
    expect(password).to_have_value("")
    expect(page.get_by_label("Email address")).to_have_value("ada@example.com")


def test_a_password_can_be_shown(new_page: NewPage) -> None:
    page = new_page()
    page.goto("/login")
    field = page.get_by_label("Password", exact=True)
    expect(field).to_have_attribute("type", "password")
    page.get_by_role("button", name=re.compile("Show password")).click()
    expect(field).to_have_attribute("type", "text")


def test_the_resend_button_sends_a_new_mail(new_page: NewPage) -> None:
    page = new_page()
    sign_up(page)
    button = page.get_by_role("button", name=re.compile("new mail"))
    expect(button).to_be_enabled()
    button.click()
    expect(page.locator(".alert-success")).to_contain_text("on its way")


def test_the_colours_follow_the_colour_scheme_of_the_system(new_page: NewPage) -> None:
    shades = []
    for scheme in ("light", "dark"):
        page = new_page(color_scheme=scheme)
        page.goto("/login")
        shades.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert shades[0] != shades[1]
