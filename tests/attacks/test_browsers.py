"""What another site can make a person's browser send.

Login CSRF (Barth, Jackson and Mitchell, "Robust Defenses for Cross-Site Request Forgery", 2008),
and links that leak by Referer. tests/attacks/test_front_door.py has cookies that a sibling domain
plants.
"""

from urllib.parse import urlsplit

import pytest
from flask import Flask

from tests.visitor import PASSWORD, Visitor, soup
from tests.web.links import PATHS, live_tokens

ADA = "ada@example.com"
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


def test_a_csrf_token_from_before_the_sign_in_is_refused_after_it(
    confirmed: Visitor, visitor: Visitor
) -> None:
    """Otherwise an attacker who planted the token could send forms as the victim."""
    planted = token_of(visitor)
    visitor.sign_in(ADA)
    assert visitor.client.post("/logout", data={"csrf_token": planted}).status_code == 400
    assert visitor.get("/profile").status_code == 200


def test_the_page_of_a_link_does_not_leak_its_token(app: Flask, visitor: Visitor) -> None:
    """Token leak by Referer: the headers forbid it, and the page links to no other site."""
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
