"""Takes screenshots of every page in each of its states, and of every mail: light, dark, and on a
phone.

All pictures go to build/screenshots/, which git ignores. Pictures that a document shows also go to
docs/screenshots/. Needs requirements-dev.txt and Chromium.
"""

import _root  # noqa: F401, I001 (first, so that tests can be imported)
import io
import logging
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.browser import tour
from tests.browser.conftest import CHROMIUM
from tests.browser.app_server import serve_with_mailbox

ROOT = Path(__file__).resolve().parent.parent
ALL, KEPT = ROOT / "build" / "screenshots", ROOT / "docs" / "screenshots"
DESKTOP, PHONE = ViewportSize(width=1024, height=720), ViewportSize(width=360, height=720)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
COLOURS = 64
TALLEST = 1600  # pixels; of the long page of the mailbox, the top is enough


def main() -> int:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    shutil.rmtree(ALL, ignore_errors=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            # A frame in its own process is often only half painted.
            args=["--no-sandbox", "--disable-gpu", "--disable-features=IsolateSandboxedIframes"],
        )
        for part in tour.PARTS:
            take(part, browser)
        browser.close()
    pictures = list(ALL.rglob("*.png"))
    size = sum(picture.stat().st_size for picture in pictures) / 1e6
    print(f"{len(pictures)} pictures in {ALL}, {size:.1f} MB")
    return keep(shown())


def shown() -> set[str]:
    """The pictures that a document shows, such as `light/register.png`."""
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    texts = [document.read_text() for document in documents]
    return {name for text in texts for name in re.findall(r"screenshots/(\w+/[\w-]+\.png)", text)}


def keep(names: set[str]) -> int:
    """Replaces the pictures in docs/screenshots/ by these.

    Returns 1 and changes nothing if one was not taken, because its page is no longer on the tour.
    """
    if missing := sorted(name for name in names if not (ALL / name).is_file()):
        print("Documents show pictures that were not taken:", *missing, file=sys.stderr)
        return 1
    shutil.rmtree(KEPT, ignore_errors=True)
    for name in names:
        (KEPT / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ALL / name, KEPT / name)
    return 0


def take(part: tour.Part, browser: Browser) -> None:
    """Walks through one part of the tour, with its own database."""
    with tempfile.TemporaryDirectory() as folder, serve_with_mailbox(Path(folder)) as server:

        def new_page(**options: object) -> Page:
            look = {
                "viewport": DESKTOP,
                "reduced_motion": "reduce",
                "locale": "en-GB",
                "user_agent": FIREFOX,
            }
            context = browser.new_context(base_url=server.url, **(look | options))  # type: ignore[arg-type]
            return context.new_page()

        for name, page in tour.walk(part, server, new_page):
            picture(page, name)


def picture(page: Page, name: str) -> None:
    """Takes a page in light, in dark and on a phone, and restores it afterwards."""
    save(page, f"light/{name}")
    page.emulate_media(color_scheme="dark")
    save(page, f"dark/{name}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    save(page, f"phone/{name}")
    page.set_viewport_size(DESKTOP)


def save(page: Page, name: str) -> None:
    """Saves a picture with only its commonest colours: it looks the same and is much smaller."""
    taken = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    taken = taken.crop((0, 0, taken.width, min(taken.height, TALLEST)))
    counted: Any = taken.getcolors(taken.width * taken.height)
    commonest = [colour for _count, colour in sorted(counted, reverse=True)[:COLOURS]]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in commonest for part in colour])
    path = ALL / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    taken.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
