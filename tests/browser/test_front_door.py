"""A person opens an app behind the front door in a real browser."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import MakeApp
from tests.front_door import COOKIE, Door, by_caddy, open_door
from tests.planted_factors import ADA, account, plant_app
from tests.visitor import PASSWORD


@pytest.fixture
def door(make_app: MakeApp, tmp_path: Path) -> Iterator[Door]:
    """Latchkey and a wiki behind Caddy."""
    with open_door(make_app, tmp_path, by_caddy) as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a new browser profile. It accepts the certificate of the test."""
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def _fill_in_the_password(page: Page) -> None:
    page.get_by_label("Email").fill(ADA)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_person_signs_in_is_led_back_and_signs_out(door: Door, page: Page) -> None:
    wanted = f"{door.wiki}/page?a=b&c=d"
    page.goto(wanted)
    assert page.url.startswith(f"{door.accounts}/login?next=")
    _fill_in_the_password(page)
    page.wait_for_url(wanted)
    headers = dict(json.loads(page.inner_text("body"))["headers"])
    assert headers["remote-user"] == str(account(door.app).id)
    assert COOKIE not in headers.get("cookie", "")
    status = "fetch('/data').then(answer => answer.status)"
    assert page.evaluate(status) == 200

    page.goto(f"{door.accounts}/")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{door.accounts}/login")
    page.goto(wanted)
    assert page.url.startswith(f"{door.accounts}/login?next=")


def test_a_person_with_a_second_factor_is_led_back_after_it(door: Door, page: Page) -> None:
    code = plant_app(door.app).code()
    page.goto(f"{door.wiki}/page")
    _fill_in_the_password(page)
    page.wait_for_url(f"{door.accounts}/login/second")
    page.locator("input[name=code]").first.fill(code)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{door.wiki}/page")
    page.goto(f"{door.accounts}/login?next={door.wiki}/other")
    assert page.url == f"{door.wiki}/other"
