"""Where somebody lands after signing in: on this site, whatever the link said (SECURITY-BAR 18)."""

from urllib.parse import quote

import pytest

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


@pytest.mark.parametrize("target", _ELSEWHERE)
def test_nobody_is_sent_elsewhere(confirmed: Visitor, visitor: Visitor, target: str) -> None:
    signed_in_already = confirmed.get("/login", query_string={"next": target})
    assert (signed_in_already.status_code, signed_in_already.location) == (302, "/")

    page = f"/login?next={quote(target)}"
    through_the_page = visitor.submit(page, email=ADA, password=PASSWORD)
    assert (through_the_page.status_code, through_the_page.location) == (302, "/")
    assert "a=b" not in through_the_page.headers.get("Set-Cookie", "")

    fields = {"email": ADA, "password": PASSWORD, "next": target}
    through_the_field = visitor.forge("/login", fields)
    assert (through_the_field.status_code, through_the_field.location) == (302, "/")


@pytest.mark.parametrize("target", _OURS)
def test_a_path_of_ours_is_kept(confirmed: Visitor, visitor: Visitor, target: str) -> None:
    page = f"/login?next={quote(target)}"
    assert visitor.submit(page, email=ADA, password=PASSWORD).location == target


def test_the_page_names_no_foreign_target_as_a_link(visitor: Visitor) -> None:
    page = visitor.page('/login?next=javascript:alert(1)"><script>')
    assert not [link for link in page.find_all("a") if "javascript" in str(link.get("href"))]
    assert not [script for script in page.find_all("script") if not script.get("src")]
