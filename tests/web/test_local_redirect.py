"""After signing in, `next` leads only to pages of this site."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

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
