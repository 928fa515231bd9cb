"""After signing in, `next` leads only to pages of this site and of trusted apps."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.web.local_redirect import safe_target
from tests.conftest import MakeApp
from tests.planted_factors import (
    PASSKEY,
    confirmed_in,
    options_for,
    plant_app,
    plant_passkey,
    second_step,
    use_passkey,
)
from tests.visitor import PASSWORD, Visitor

ADA = "ada@example.com"

_ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/%5Cevil.example",
    "/%5cevil.example",
    "/\t/evil.example",
    "/%09/evil.example",
    "/\n/evil.example",
    ' "//evil.example"',
    " //evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "HTTPS://evil.example/",
    "http:///evil.example",
    "https://localhost@evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/%2e%2e//evil.example",
    "/a/..//evil.example",
    "/%2F/evil.example",
    "/%2fevil.example/",
    "/%3F//evil.example",
    "/%3F/..//evil.example",
    "/%3f%5Cevil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "good@evil.example",
    "evil.example",
    "?next=//evil.example",
    "#",
    "/x\r\nSet-Cookie: a=b",
    "/x%0d%0aSet-Cookie: a=b",
    "/x\x00",
    "/x%00",
    "/\u2028/evil.example",
    "／／evil.example",
    "/" * 10_000 + "evil.example",
    "",
    " ",
]
_TRUSTED = "wiki.example.org,chat.example.org:8443,b\xfccher.example,192.0.2.1:81"
# None of these may lead to another page than home while the apps above are trusted.
_NOT_TRUSTED = [
    "https://wiki.example.org@evil.example",
    "https://wiki.example.org@evil.example/",
    "https://wiki.example.org:443@evil.example/",
    "https://wiki.example.org:x@evil.example/",
    "https://evil.example@wiki.example.org/",
    "https://@wiki.example.org/",
    "https://:@wiki.example.org/",
    "https://wiki.example.org%40evil.example/",
    "https://wiki.example.org%2eevil.example/",
    "https://wiki.example.org%2f@evil.example/",
    "https://wiki.example.org%00.evil.example/",
    "https://wiki.example.org.evil.example/",
    "https://wiki.example.org.",
    "https://wiki.example.org./",
    "https://wiki.example.org.:443/",
    "https://.wiki.example.org/",
    "https://a.wiki.example.org/",
    "https://xwiki.example.org/",
    "https://example.org/",
    "https://wiki-example.org/",
    "https://wiki.example.org-evil.example/",
    "https://wiki.example.org\\@evil.example/",
    "https://evil.example\\@wiki.example.org/",
    "https://evil.example\\wiki.example.org/",
    "https:\\\\wiki.example.org/",
    "https:/\\wiki.example.org/",
    "\\\\wiki.example.org/",
    "/\\wiki.example.org/",
    "//wiki.example.org/",
    "///wiki.example.org/",
    "https:wiki.example.org",
    "https:/wiki.example.org",
    "https:///wiki.example.org",
    "https:////wiki.example.org",
    "wiki.example.org",
    "wiki.example.org/page",
    "wiki.example.org:443/",
    " https://wiki.example.org/",
    "https://wiki.example.org/ ",
    "\thttps://wiki.example.org/",
    "https://wiki.example.org\t/",
    "https://wiki.example.org\t.evil.example/",
    "https://wiki.example.org\n.evil.example/",
    "https://wiki.example.org/\n",
    "https://wiki.example.org/\r\nSet-Cookie: a=b",
    "https://wiki.example.org\r\nSet-Cookie: a=b",
    "ht\ttps://wiki.example.org/",
    "https:/\t/wiki.example.org/",
    "https://wiki.example.org\x00.evil.example/",
    "https://wiki.example.org/\x00",
    "https://wiki.example.org\x7f/",
    "https://wiki.example.org /",
    "https://wiki.example.org:80/",
    "https://wiki.example.org:8443/",
    "https://wiki.example.org:443:443/",
    "https://wiki.example.org:99999/",
    "https://wiki.example.org:65979/",  # 443 in 16 bits
    "https://wiki.example.org:-443/",
    "https://wiki.example.org:+443/",
    "https://wiki.example.org:4_43/",
    "https://wiki.example.org:\uff14\uff14\uff13/",
    "https://wiki.example.org:evil/",
    "https://chat.example.org/",
    "https://chat.example.org:443/",
    "https://chat.example.org:84430/",
    "ftp://wiki.example.org/",
    "ws://wiki.example.org/",
    "javascript://wiki.example.org/%0aalert(1)",
    "data://wiki.example.org/",
    "view-source:https://wiki.example.org/",
    "blob:https://wiki.example.org/x",
    "http\u017f://wiki.example.org/",
    "https://w\u0131ki.example.org/",
    "https://wi\u212ai.example.org/",
    "https://wi\u200bki.example.org/",
    "https://wi\u00adki.example.org/",
    "https://wiki\u3002example\u3002org/",
    "https://wiki.example.org\u2044evil.example/",
    "https://\uff57\uff49\uff4b\uff49.example.org/",
    "https://wiki.example.org\uff0fevil.example/",
    "https://wiki.example.org\uff20evil.example/",
    "https://b\xfccher.example.evil.example/",
    "https://xn--bcher-kva.example.evil.example/",
    "https://wiki.example.org/\xfc",
    "https://[::ffff:192.0.2.1]:81/",
    "https://[wiki.example.org]/",
    "https://192.0.2.1/",
    "https://3221225985:81/",
    "https://0xc0000201:81/",
    "https://0300.0.2.1:81/",
    "https://192.0.513:81/",
    "https://192.0.2.1:81.evil.example/",
    "https://?wiki.example.org/",
    "https://#wiki.example.org/",
    "https://evil.example?@wiki.example.org/",
    "https://evil.example#@wiki.example.org/",
    "https://evil.example/https://wiki.example.org/",
    "https://evil.example;wiki.example.org/",
    "https://wiki.example.org;evil.example/",
    "https://wiki.example.org,evil.example/",
    "https://wiki.example.org&evil.example/",
    "https://" + "a" * 100_000 + ".example.org/",
    "https://" + "a." * 50_000 + "example.org/",
]
_PAGES_OF_APPS = {
    "https://wiki.example.org": "https://wiki.example.org/",
    "https://wiki.example.org/": "https://wiki.example.org/",
    "https://wiki.example.org/a%20b?c=d&e=%C3%BC#f": "https://wiki.example.org/a%20b?c=d&e=%C3%BC#f",
    "https://wiki.example.org?to=//evil.example": "https://wiki.example.org?to=//evil.example",
    "https://wiki.example.org#x": "https://wiki.example.org#x",
    "https://wiki.example.org/@evil.example": "https://wiki.example.org/@evil.example",
    "https://wiki.example.org//evil.example": "https://wiki.example.org//evil.example",
    "HTTPS://WIKI.Example.ORG/Page": "https://wiki.example.org/Page",
    "https://wiki.example.org:443/": "https://wiki.example.org/",
    "https://wiki.example.org:0443/": "https://wiki.example.org/",
    "https://chat.example.org:8443/x": "https://chat.example.org:8443/x",
    "https://xn--bcher-kva.example/x": "https://xn--bcher-kva.example/x",
    "https://192.0.2.1:81/x": "https://192.0.2.1:81/x",
}
_OURS = ["/", "/profile", "/profile?page=2&q=%C3%BC", "/profile?to=//evil.example", "/profile#x"]


def _by_the_page(visitor: Visitor, target: str) -> TestResponse:
    return visitor.submit(f"/login?next={quote(target)}", email=ADA, password=PASSWORD)


def _by_the_field(visitor: Visitor, target: str) -> TestResponse:
    return visitor.forge("/login", {"email": ADA, "password": PASSWORD, "next": target})


def _signed_in_already(visitor: Visitor, target: str) -> TestResponse:
    visitor.sign_in(ADA)
    return visitor.get("/login", query_string={"next": target})


_WAYS = [_by_the_page, _by_the_field, _signed_in_already]


@pytest.mark.parametrize("way", _WAYS)
def test_next_never_leads_to_another_site(
    confirmed: Visitor, visitor: Visitor, way: Callable[[Visitor, str], TestResponse]
) -> None:
    landed = {}
    for target in _ELSEWHERE:
        answer = way(visitor, target)
        landed[target] = (answer.status_code, answer.location)
        assert "a=b" not in answer.headers.get("Set-Cookie", "")
        visitor.client.delete_cookie("session")
    assert landed == dict.fromkeys(_ELSEWHERE, (302, "/"))


@pytest.mark.parametrize("way", _WAYS)
def test_a_path_of_this_site_is_kept(
    confirmed: Visitor, visitor: Visitor, way: Callable[[Visitor, str], TestResponse]
) -> None:
    for target in _OURS:
        assert way(visitor, target).location == target
        visitor.client.delete_cookie("session")


def test_the_sign_in_page_links_to_no_other_site(visitor: Visitor) -> None:
    page = visitor.page('/login?next=javascript:alert(1)"><script>')
    assert not [link for link in page.find_all("a") if "javascript" in str(link.get("href"))]
    assert not [script for script in page.find_all("script") if not script.get("src")]


@pytest.fixture
def door(make_app: MakeApp) -> Flask:
    """An app with trusted apps."""
    return make_app(TRUSTED_APPS=_TRUSTED)


@pytest.mark.parametrize("way", _WAYS)
def test_next_leads_to_pages_of_trusted_apps(
    door: Flask, way: Callable[[Visitor, str], TestResponse]
) -> None:
    confirmed_in(door)
    for target, page in _PAGES_OF_APPS.items():
        answer = way(Visitor(door), target)
        assert (answer.status_code, answer.location) == (302, page)


def test_no_app_is_trusted_unless_a_setting_names_it(confirmed: Visitor) -> None:
    for target in _PAGES_OF_APPS:
        assert confirmed.get("/login", query_string={"next": target}).location == "/"


def test_next_leads_to_no_other_site_by_looking_like_a_trusted_app(door: Flask) -> None:
    with door.test_request_context("/login"):
        landed = {target: safe_target(target) for target in [*_NOT_TRUSTED, *_ELSEWHERE]}
        assert landed == dict.fromkeys(landed, "/")
        for target in _OURS:
            assert safe_target(target) == target


@pytest.mark.parametrize("way", _WAYS)
def test_signing_in_leads_to_no_site_that_looks_like_a_trusted_app(
    door: Flask, way: Callable[[Visitor, str], TestResponse]
) -> None:
    confirmed_in(door)
    for target in _NOT_TRUSTED[:20]:
        assert way(Visitor(door), target).location == "/", target


def test_http_leads_to_a_trusted_app_in_development_only(door: Flask) -> None:
    http = "http://wiki.example.org/x"
    with door.test_request_context("/login"):
        assert safe_target(http) == safe_target("http://wiki.example.org:80/x") == http
        assert safe_target("http://wiki.example.org:443/x") == "/"
        # As in production; see tests/test_config.py.
        door.config["TRUSTED_ORIGINS"] = ["https://wiki.example.org"]
        assert safe_target(http) == "/"


def _by_the_second_step(visitor: Visitor, target: str) -> TestResponse:
    code = plant_app(visitor.app).code()
    assert _by_the_page(visitor, target).location == "/login/second"
    return second_step(visitor, code)


def _by_a_passkey(visitor: Visitor, target: str) -> TestResponse:
    credential = plant_passkey(visitor.app).get(options_for(visitor))
    return visitor.submit(PASSKEY, on=f"/login?next={quote(target)}", credential=credential)


def _by_a_passkey_as_second_step(visitor: Visitor, target: str) -> TestResponse:
    key = plant_passkey(visitor.app)
    assert _by_the_page(visitor, target).location == "/login/second"
    return use_passkey(visitor, key, on="/login/second")


def _by_a_proof(visitor: Visitor, target: str) -> TestResponse:
    visitor.sign_in(ADA)
    return visitor.submit(f"/reauth?next={quote(target)}", current_password=PASSWORD)


@pytest.mark.parametrize(
    "way", [_by_the_second_step, _by_a_passkey, _by_a_passkey_as_second_step, _by_a_proof]
)
@pytest.mark.parametrize(
    ("target", "page"),
    [
        ("https://wiki.example.org/x?y=z", "https://wiki.example.org/x?y=z"),
        ("https://wiki.example.org@evil.example/", "/"),
        ("https://chat.example.org/", "/"),
        ("/profile", "/profile"),
    ],
)
def test_every_other_way_leads_to_the_same_pages(
    door: Flask, way: Callable[[Visitor, str], TestResponse], target: str, page: str
) -> None:
    confirmed_in(door)
    answer = way(Visitor(door), target)
    assert (answer.status_code, answer.location) == (302, page)
