"""The charts of the funnel show the numbers of the tables below them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.mongo import current_mongo, users
from app.users.addresses import parse_address
from app.users.passwords import hash_password
from tests.browser.app_server import AppServer, serve_with_mailbox
from tests.browser.test_journey import PASSWORD
from tests.users.funnel import made

NewPage = Callable[..., Page]
CHARTS = 4
IN_CHART = """canvas => Chart.getChart(canvas).data.datasets.map(
    set => ({label: set.label, colour: set.borderColor, data: set.data}))"""
IN_TABLE = """canvas => {
    const table = canvas.closest('section').querySelector('table');
    return [...table.tHead.rows[0].cells].flatMap((head, i) => !head.dataset.series ? [] : [{
        label: head.textContent,
        data: [...table.tBodies[0].rows].map(row => row.cells[i].textContent.trim()),
    }]);
}"""
INK = """canvas => new Set(new Uint32Array(
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AppServer]:
    """The app with accounts and an administrator."""
    now = datetime.now(UTC)
    with serve_with_mailbox(tmp_path) as server, server.app.app_context():
        accounts, notes = made.documents(made.make(300, now - timedelta(days=60), now, now), now)
        current_mongo().database["users"].insert_many(accounts)
        current_mongo().database["departed"].insert_many(notes)
        assert users.create_admin(
            parse_address("root@example.com"), hash_password(PASSWORD, 4), now
        )
        yield server


@pytest.fixture
def site(server: AppServer) -> str:
    """The address that `new_page` opens."""
    return server.url


def opened(page: Page) -> Page:
    page.goto("/login")
    page.get_by_label("Email address").fill("root@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.goto("/admin/")
    return page


def number(text: str) -> float | None:
    """The number in a cell; none for a dash."""
    words = text.removesuffix(" so far").removesuffix("%").strip().replace(",", "")
    return None if words == "–" else float(words)


def test_each_chart_shows_the_numbers_of_its_table(new_page: NewPage) -> None:
    page = opened(new_page())
    expect(page.locator("canvas:visible")).to_have_count(CHARTS)
    for canvas in page.locator("canvas").all():
        in_chart, in_table = canvas.evaluate(IN_CHART), canvas.evaluate(IN_TABLE)
        assert [one["label"] for one in in_chart] == [one["label"] for one in in_table]
        for chart, table in zip(in_chart, in_table, strict=True):
            assert chart["data"] == pytest.approx(
                [number(cell) for cell in table["data"]], abs=0.051
            )
        assert canvas.evaluate(INK) > 10, "something is painted"


def test_charts_change_colours_with_the_colour_scheme(new_page: NewPage) -> None:
    page = opened(new_page(color_scheme="light"))
    expect(page.locator("canvas:visible")).to_have_count(CHARTS)
    first = page.locator("canvas").first
    light = first.evaluate(IN_CHART)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "colour => Chart.getChart(document.querySelector('canvas')).data.datasets[0].borderColor"
        " !== colour",
        arg=light[0]["colour"],
    )
    dark = first.evaluate(IN_CHART)
    assert [one["data"] for one in dark] == [one["data"] for one in light]
    assert not {one["colour"] for one in dark} & {one["colour"] for one in light}


def test_without_scripts_the_page_shows_only_tables(new_page: NewPage) -> None:
    page = opened(new_page(java_script_enabled=False))
    expect(page.locator("canvas:visible")).to_have_count(0)
    expect(page.get_by_role("table")).to_have_count(CHARTS)
    expect(page.get_by_role("table").first.get_by_role("row").last).to_contain_text("All")


def test_the_funnel_fits_a_phone(new_page: NewPage) -> None:
    page = opened(new_page(viewport={"width": 360, "height": 720}))
    expect(page.locator("canvas:visible")).to_have_count(CHARTS)
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_form_changes_the_date_range(new_page: NewPage) -> None:
    page = opened(new_page())
    page.get_by_label("By", exact=True).select_option("Month")
    page.get_by_role("button", name="Show").click()
    expect(
        page.get_by_role("heading", name="What became of them, by month", exact=True)
    ).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    assert download.value.suggested_filename.endswith("-by-month.csv")
