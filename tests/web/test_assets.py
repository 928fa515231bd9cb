"""Static files: small, kept by browsers, and nothing else can be read."""

import gzip
import os
import re
from pathlib import Path
from unittest.mock import patch

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.web import assets
from tests.visitor import Visitor
from tests.web.pages import assert_our_page

APP = Path(__file__).parents[2] / "app"
STATIC = APP / "static"
CSS = "css/latchkey.css"
FONT = "fonts/atkinson-hyperlegible-next.woff2"
YEAR = "public, max-age=31536000, immutable"
GZIP = {"Accept-Encoding": "gzip, deflate, br"}
# Templates put these classes together.
MADE = {"alert-success", "alert-danger", "alert-warning", "alert-info"}
MADE |= {"btn-primary", "btn-danger", "btn-link", "btn-outline-secondary", "is-invalid"}


def linked(visitor: Visitor) -> dict[str, str]:
    """The files that a page loads, by their paths in `app/static`."""
    page = visitor.page("/register")
    urls = [str(tag["href"]) for tag in page.select("link[href]")]
    urls += [str(tag["src"]) for tag in page.select("script[src]")]
    return {url.split("/", 3)[3]: url for url in urls}


def test_what_a_page_loads_is_kept_for_a_year_and_by_every_cache(confirmed: Visitor) -> None:
    files = linked(Visitor(confirmed.app))
    assert {CSS, FONT, "js/latchkey.js", "js/advice.js", "img/favicon.svg"} <= files.keys()
    for name, url in files.items():
        assert re.fullmatch(f"/static/[0-9a-f]{{10}}/{name}", url)
        answer = confirmed.get(url)
        assert answer.data == (STATIC / name).read_bytes(), name
        assert answer.headers["Cache-Control"] == YEAR, name
        assert answer.headers["X-Content-Type-Options"] == "nosniff", name
        assert answer.headers["ETag"], name
        assert "Cookie" not in answer.headers.get("Vary", ""), name
        assert "Set-Cookie" not in answer.headers, name


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        (CSS, "text/css; charset=utf-8"),
        ("js/latchkey.js", "text/javascript; charset=utf-8"),
        ("img/favicon.svg", "image/svg+xml"),
        (FONT, "font/woff2"),
        ("vendor/bootstrap/LICENSE", "text/plain; charset=utf-8"),
    ],
)
def test_each_file_has_its_type(visitor: Visitor, name: str, content_type: str) -> None:
    assert visitor.get(f"/static/{name}").headers["Content-Type"] == content_type


def test_text_is_compressed_for_browsers_that_take_it(visitor: Visitor) -> None:
    url = linked(visitor)[CSS]
    small = visitor.get(url, headers=GZIP)
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(small.data) == (STATIC / CSS).read_bytes()
    assert int(small.headers["Content-Length"]) == len(small.data) < 7_000
    for refused in ("", "br", "gzip;q=0", "identity"):
        plain = visitor.get(url, headers={"Accept-Encoding": refused})
        assert "Content-Encoding" not in plain.headers, refused
        assert plain.headers["Vary"] == "Accept-Encoding", refused
        assert plain.data == (STATIC / CSS).read_bytes(), refused
        assert plain.headers["ETag"] != small.headers["ETag"], refused


def test_a_font_is_compressed_already(visitor: Visitor) -> None:
    answer = visitor.get(linked(visitor)[FONT], headers=GZIP)
    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers


@pytest.mark.parametrize("prefix", ["", "0123456789/", "ffffffffff/"])
def test_a_file_of_another_version_is_served_but_not_kept(visitor: Visitor, prefix: str) -> None:
    answer = visitor.get(f"/static/{prefix}{CSS}")
    assert answer.data == (STATIC / CSS).read_bytes()
    assert answer.headers["Cache-Control"] == "no-cache"


def test_a_browser_that_has_the_file_is_told_so(visitor: Visitor) -> None:
    url = linked(visitor)[CSS]
    etag = visitor.get(url, headers=GZIP).headers["ETag"]
    again = visitor.get(url, headers={**GZIP, "If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == etag
    assert again.headers["Cache-Control"] == YEAR
    assert again.headers["Vary"] == "Accept-Encoding"
    assert visitor.get(url, headers={**GZIP, "If-None-Match": '"other"'}).status_code == 200


def test_head_has_the_same_headers_and_a_range_is_answered_with_the_file(visitor: Visitor) -> None:
    url = linked(visitor)[CSS]
    whole = visitor.get(url, headers=GZIP)
    head = visitor.client.head(url, headers=GZIP)
    assert head.data == b""
    for name in ("Content-Length", "Content-Encoding", "Content-Type", "ETag", "Cache-Control"):
        assert head.headers[name] == whole.headers[name], name
    part = visitor.get(url, headers={**GZIP, "Range": "bytes=0-9"})
    assert (part.status_code, part.data) == (200, whole.data)


@pytest.mark.parametrize(
    "path",
    [
        "no/such/file",
        "",
        "css",
        "css/",
        f"0123456789/0123456789/{CSS}",
        "0123456789/no.css",
        "../__init__.py",
        "css/../../__init__.py",
        "0123456789/../../__init__.py",
        "%2e%2e/__init__.py",
        "..%2f__init__.py",
        "..%5c__init__.py",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "css/latchkey.css%00",
        "css/./latchkey.css",
    ],
)
def test_anything_else_is_the_page_that_says_404(visitor: Visitor, path: str) -> None:
    answer = visitor.get(f"/static/{path}")
    assert_our_page(answer, 404)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_the_session_is_not_read_and_so_no_account_is_looked_up(confirmed: Visitor) -> None:
    def fail(*_args: object, **_options: object) -> TestResponse:
        raise AssertionError("the session is read")

    with patch("app.web.session_cookie.SignedSessions.get_signing_serializer", fail):
        assert confirmed.get(f"/static/{CSS}").status_code == 200
        assert_our_page(confirmed.get("/static/no/such/file"), 404)
        with pytest.raises(AssertionError):
            confirmed.get("/profile")


def test_the_fingerprint_changes_with_each_name_and_content(tmp_path: Path) -> None:
    found = []
    for name, content in (("a.css", "x"), ("a.css", "yy"), ("b.css", "yy")):
        (tmp_path / "a.css").unlink(missing_ok=True)
        (tmp_path / name).write_text(content)
        found.append(assets.fingerprint(assets.load(tmp_path)))
    assert len(set(found)) == 3


def test_in_development_an_edited_file_shows_at_the_next_reload(
    development: Flask, tmp_path: Path
) -> None:
    visitor, file = Visitor(development), tmp_path / "new.css"
    assert f"/static/{CSS}" in visitor.get("/").text
    with patch.object(assets, "_FOLDER", tmp_path):
        for changed_ns, content in enumerate((b"a {}", b"b {}")):
            file.write_bytes(content)
            os.utime(file, ns=(changed_ns, changed_ns))
            answer = visitor.get("/static/new.css")
            assert answer.data == content
            assert answer.headers["Cache-Control"] == "no-cache"


def test_every_class_of_bootstrap_that_a_page_uses_is_in_the_trimmed_copy() -> None:
    css = "".join((STATIC / name).read_text() for name in (CSS, "vendor/bootstrap/bootstrap.css"))
    styled = set(re.findall(r"\.([a-z][\w-]*)", css))
    templates = [path for path in APP.rglob("*.html") if "mail" not in path.parts]
    written = {
        name
        for path in templates
        for value in re.findall(r'class="([^"]*)"', path.read_text())
        for name in re.sub(r"\{[{%].*?[%}]\}", "?", value).split()
        if "?" not in name and not name.startswith("lk-")
    }
    assert {"btn", "form-control", "visually-hidden", "w-100"} <= written
    assert (written | MADE) - styled == set()
