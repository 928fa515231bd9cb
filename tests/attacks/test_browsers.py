"""What another site, or a neighbour under the same domain, can make somebody's browser send.

Login CSRF (Barth, Jackson and Mitchell, "Robust Defenses for Cross-Site Request Forgery", 2008),
cookies that a sibling domain plants ("cookie tossing", RFC 6265 section 8.6), and links that leak
by Referer.
"""

from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from tests.conftest import MakeApp
from tests.visitor import PASSWORD, Visitor, soup
from tests.web.links import PATHS, live_tokens

ADA = "ada@example.com"
HTTPS = "https://localhost"
SIGNED_OUT = "/login?next=%2Fprofile"


def token_of(visitor: Visitor) -> str:
    found = visitor.page("/login").find("input", attrs={"name": "csrf_token"})
    assert found is not None
    return str(found["value"])


@pytest.mark.usefixtures("confirmed")
def test_a_form_with_the_attackers_csrf_token_cannot_sign_a_victim_in(app: Flask) -> None:
    """Login CSRF: the victim would work in an account that the attacker reads."""
    attacker, victim = Visitor(app), Visitor(app)
    victim.get("/login")
    form = {"email": ADA, "password": PASSWORD, "csrf_token": token_of(attacker)}
    assert victim.client.post("/login", data=form).status_code == 400
    assert victim.get("/profile").location == SIGNED_OUT


@pytest.mark.usefixtures("confirmed")
@pytest.mark.parametrize("cookie", [False, True])
def test_a_sign_in_form_without_a_csrf_token_is_refused(app: Flask, cookie: bool) -> None:
    victim = Visitor(app)
    if cookie:
        victim.get("/login")
    assert (
        victim.client.post("/login", data={"email": ADA, "password": PASSWORD}).status_code == 400
    )
    assert victim.get("/profile").location == SIGNED_OUT


def test_another_site_cannot_sign_a_person_out(confirmed: Visitor) -> None:
    assert confirmed.client.post("/logout").status_code == 400
    assert confirmed.get("/logout").status_code == 405
    assert confirmed.get("/profile").status_code == 200


def test_a_csrf_token_from_before_the_sign_in_is_refused_after_it(
    confirmed: Visitor, visitor: Visitor
) -> None:
    """Or whoever fixed it in somebody's browser could send forms as them."""
    planted = token_of(visitor)
    visitor.sign_in(ADA)
    assert visitor.client.post("/logout", data={"csrf_token": planted}).status_code == 400
    assert visitor.get("/profile").status_code == 200


class TestCookiesOfASiblingDomain:
    """In production: a sibling domain can plant any cookie but one named `__Host-`."""

    @pytest.fixture
    def app(self, make_app: MakeApp) -> Flask:
        return make_app(SESSION_COOKIE_SECURE="true", PUBLIC_URL=HTTPS)

    def test_a_cookie_without_the_prefix_is_ignored(self, app: Flask) -> None:
        client = app.test_client()
        _register(client)
        signed_in = client.get_cookie("__Host-session")
        assert signed_in is not None
        for name in ("session", "__Secure-session", "__host-session", "remember_token"):
            tossed = f"{name}={signed_in.value}"
            answer = _with_cookies(app, tossed, "/profile")
            assert answer.location == SIGNED_OUT, name

    def test_a_planted_cookie_does_not_replace_the_real_one(self, app: Flask) -> None:
        client, attacker = app.test_client(), app.test_client()
        _register(client)
        attacker.get("/login", base_url=HTTPS)
        own, theirs = client.get_cookie("__Host-session"), attacker.get_cookie("__Host-session")
        assert own is not None
        assert theirs is not None
        for order in (f"session={theirs.value}; __Host-session={own.value}",
                      f"__Host-session={own.value}; session={theirs.value}"):  # fmt: skip
            answer = _with_cookies(app, order, "/unconfirmed")
            assert answer.status_code == 200
            assert ADA in answer.text

    def test_every_cookie_has_the_host_prefix(self, app: Flask) -> None:
        client = app.test_client()
        for cookie in _register(client):
            name, _, rest = cookie.partition("=")
            assert name.startswith("__Host-")
            assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(rest.split("; "))
            assert "Domain" not in rest


def _with_cookies(app: Flask, cookies: str, path: str) -> TestResponse:
    """Sent as written: a client with a jar of its own would leave the header out."""
    client = app.test_client(use_cookies=False)
    return client.get(path, base_url=HTTPS, headers={"Cookie": cookies})


def _register(client: Client) -> list[str]:
    """The cookies that registering sets."""
    page = soup(client.get("/register", base_url=HTTPS))
    token = page.find("input", attrs={"name": "csrf_token"})
    assert token is not None
    fields = {"email": ADA, "password": PASSWORD, "confirm": PASSWORD}
    form = fields | {"csrf_token": str(token["value"])}
    headers = {"Referer": f"{HTTPS}/register"}
    answer = client.post("/register", data=form, base_url=HTTPS, headers=headers)
    assert answer.location == "/unconfirmed"
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) >= 2
    return cookies


def test_the_page_of_a_link_does_not_leak_its_token(app: Flask, visitor: Visitor) -> None:
    """Token leak by Referer: no header sends it, and the page leads to no other site."""
    for purpose, token in live_tokens(app).items():
        path = PATHS[purpose] + token
        for answer in (visitor.get(path), visitor.get(path[:-2]), visitor.client.put(path)):
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            page = soup(answer)
            leading = page.select("[href], [src], [action]")
            leads = [
                str(tag.get(name, "")) for tag in leading for name in ("href", "src", "action")
            ]
            assert leads
            assert [lead for lead in leads if urlsplit(lead).netloc] == []
            assert not page.select('meta[name="referrer"], [referrerpolicy], [ping]')
