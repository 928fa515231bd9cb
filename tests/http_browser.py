"""A person with a browser over real HTTP: cookies have paths and flags, redirects are followed."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPMessage
from http.cookiejar import CookieJar
from threading import Thread
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import (
    HTTPCookieProcessor,
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
)

from bs4 import BeautifulSoup, Tag
from werkzeug.serving import make_server

_LINKS = {"href", "src", "action", "data-waiting", "data-page", "data-home", "data-advice"}


@dataclass(frozen=True)
class Page:
    """The page that the browser shows after all redirects."""

    status: int
    url: str
    text: str
    headers: HTTPMessage

    @property
    def path(self) -> str:
        """The path of its address."""
        return urlsplit(self.url).path

    @property
    def soup(self) -> BeautifulSoup:
        """Its HTML."""
        return BeautifulSoup(self.text, "html.parser")

    @property
    def links(self) -> list[str]:
        """Every address in the page, as an absolute URL. One for an authenticator app is none."""
        found = [
            str(element[name])
            for element in self.soup.find_all(True)
            if isinstance(element, Tag)
            for name in _LINKS & element.attrs.keys()
        ]
        return [urljoin(self.url, link) for link in found if not link.startswith(("#", "otpauth:"))]


class _Redirects(HTTPRedirectHandler):
    """Follows redirects and remembers their targets."""

    def __init__(self) -> None:
        self.locations: list[str] = []

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        self.locations.append(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class HttpBrowser:
    """A browser profile; trusts any certificate."""

    def __init__(self) -> None:
        self.cookies = CookieJar()
        self.pages: list[Page] = []
        self._redirects = _Redirects()
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._opener = build_opener(
            ProxyHandler({}),
            HTTPCookieProcessor(self.cookies),
            HTTPSHandler(context=context),
            self._redirects,
        )

    @property
    def locations(self) -> list[str]:
        """The targets of all redirects."""
        return self._redirects.locations

    def open(
        self,
        url: str,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        **more_headers: str,
    ) -> Page:
        """Opens an address, or sends data to it. In the names of `more_headers`, `_` is `-`."""
        named = {name.replace("_", "-"): value for name, value in more_headers.items()}
        named |= headers or {}
        body = urlencode(data).encode() if data is not None else None
        try:
            with self._opener.open(Request(url, body, named), timeout=30) as answer:  # noqa: S310
                page = self._page(answer)
        except HTTPError as error:
            page = self._page(error)
        self.pages.append(page)
        return page

    def submit(self, page: Page, action: str = "", **fields: str) -> Page:
        """Fills in and sends the form whose address ends with `action`; default: the page's."""
        action = action or page.path
        for form in page.soup.select("form[method=post]"):
            target = urljoin(page.url, str(form.get("action") or ""))
            if urlsplit(target).path.endswith(action):
                hidden = form.select("input[name]:not([type=checkbox])")
                values = {str(field["name"]): str(field.get("value", "")) for field in hidden}
                return self.open(target, values | fields)
        raise AssertionError(f"no form for {action} on {page.url}")

    def read(self, url: str) -> Any:
        """JSON."""
        return json.loads(self.open(url).text)

    @staticmethod
    def _page(answer: Any) -> Page:
        return Page(
            answer.status, answer.url, answer.read().decode(errors="replace"), answer.headers
        )


@contextmanager
def listening() -> Iterator[Any]:
    """A server on loopback, for an app that is made once its `port` is known: `server.app`."""

    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
