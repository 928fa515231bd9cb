"""Links that mail programs have damaged still lead to their pages."""

from urllib.parse import unquote

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app.users.links import Purpose
from app.web.mangled_links import healed_path
from tests.mailbox import Mailbox
from tests.visitor import Visitor, soup
from tests.web.links import PATHS, live_tokens
from tests.web.pages import documents

_TOKEN = st.from_regex(r"\.?[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{43}", fullmatch=True)
_AFTER = [
    *"/.>),;:!?'\"]}*=|\\",
    *("%3E", "%3e", "%253E", "&gt;", "&gt;.", "=3D", "=", "%20", "%0A"),
    *("=%0D%0A", ">.", ").", "/.", ".%20", "\u201d", "\u300d", "\u3002", "\u200b", "%E2%80%9D"),
]


def _heading(page: TestResponse) -> str:
    found = soup(page).find("h1")
    assert found
    return found.get_text()


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_with_something_after_it_shows_its_page(
    app: Flask, visitor: Visitor, purpose: Purpose
) -> None:
    token, before = live_tokens(app)[purpose], documents(app)
    right = visitor.get(PATHS[purpose] + token)
    assert right.status_code == 200
    for after in _AFTER:
        page = visitor.get(PATHS[purpose] + token + after)
        assert page.status_code == 200, after
        assert _heading(page) == _heading(right)
    assert documents(app) == before


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("broken", ["=", "=%0A", "=%0D%0A", "%0A", "%20", "=3D"])
def test_a_link_with_a_line_break_in_it_shows_its_page(
    app: Flask, visitor: Visitor, purpose: Purpose, broken: str
) -> None:
    token = live_tokens(app)[purpose]
    for place in (0, 1, 20, len(token) - 1):
        page = visitor.get(PATHS[purpose] + token[:place] + broken + token[place:])
        assert page.status_code == 200, place


@pytest.mark.parametrize("after", ["/", ".", "%3E"])
def test_the_form_of_such_a_page_confirms(visitor: Visitor, mailbox: Mailbox, after: str) -> None:
    visitor.register("ada@example.com")
    link = mailbox.newest("ada@example.com").link
    page = soup(visitor.get(link + after))
    form = page.select_one("main form")
    token = page.select_one("main input[name=csrf_token]")
    assert form
    assert token
    sent = visitor.client.post(str(form.get("action")), data={"csrf_token": str(token["value"])})
    assert sent.location == "/"


def test_a_link_with_other_damage_stays_damaged(app: Flask, visitor: Visitor) -> None:
    for purpose, token in live_tokens(app).items():
        for damaged in (token[:-1] + ".", token + "x", token + "%00", token + "...", token + "/x"):
            assert visitor.get(PATHS[purpose] + damaged).status_code == 404, damaged


def test_the_buttons_on_the_page_of_a_link_work_too(visitor: Visitor, mailbox: Mailbox) -> None:
    visitor.register("ada@example.com")
    link = mailbox.newest("ada@example.com").link
    stranger = Visitor(visitor.app)
    assert stranger.submit(f"{link}/disown", on=f"{link}.").location == "/"
    assert documents(visitor.app) == []


def test_the_path_of_every_route_with_a_token_is_repaired(app: Flask) -> None:
    rules = [rule.rule for rule in app.url_map.iter_rules() if "token" in rule.arguments]
    assert len(rules) >= len(Purpose)
    for rule in rules:
        mangled = rule.replace("<token>", "a.b.c>.")
        assert healed_path(mangled) == rule.replace("<token>", "a.b.c")


@given(_TOKEN, st.sampled_from(["", "<", "(", "=3D", " "]), st.sampled_from(_AFTER))
def test_any_token_is_found(token: str, before: str, after: str) -> None:
    assert healed_path(f"/confirm/{before}{token}{unquote(after)}") == f"/confirm/{token}"


@given(st.text(max_size=60))
def test_other_paths_are_not_changed(text: str) -> None:
    for start in ("/profile/", "/confirming/", "/static/"):
        assert healed_path(start + text) == start + text
