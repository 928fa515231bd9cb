"""A real browser, and the app as `make run` serves it: web and mail in one process."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from app.mail.worker import Worker
from tests.browser.app_server import serve
from tests.mongo import missing

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
NewPage = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, one for each test process."""
    if not Path(CHROMIUM).exists():
        missing("no chromium: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                # Hosts of documents are this machine.
                "--host-resolver-rules=MAP *.example.org 127.0.0.1",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The address of a running development app on mongomock with its mail worker."""
    with serve(tmp_path, cooldown=1) as (app, url), _worker(Worker(app)):
        yield url


@contextmanager
def _worker(worker: Worker) -> Iterator[None]:
    stop = Event()
    thread = Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def new_page(chromium: Browser, site: str) -> Iterator[NewPage]:
    """Opens pages in new browser profiles.

    The test fails after an error in the console (such as one of the content security policy), an
    uncaught exception, or a request to another host.
    """
    wrong: list[str] = []

    def console(message: ConsoleMessage) -> None:
        # Chromium also reports our refusals (422, 429…), which the tests check themselves, and a
        # font that came too late to be used (`font-display: optional`), as on a busy machine.
        ignored = ("Failed to load resource", "was preloaded using link preload but not used")
        if message.type in {"error", "warning"} and not any(i in message.text for i in ignored):
            wrong.append(message.text)

    def request(sent: Request) -> None:
        if not sent.url.startswith((site, "data:", "blob:")):
            wrong.append(f"request to {sent.url}")

    contexts = []

    def make(**options: object) -> Page:
        context = chromium.new_context(base_url=site, **options)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", console)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", request)
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == []
