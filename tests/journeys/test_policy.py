"""REQUIRE_SECOND_FACTOR: who must have a second factor, and what they see without one."""

from pathlib import Path

import pytest
from flask import Flask

from app.mail.worker import Worker
from tests.conftest import MakeApp
from tests.journeys.conftest import EMAIL
from tests.journeys.factors import PASSKEYS, SECURITY, TOTP, add_app, add_passkey, codes_on
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, administrator_of, alert, soup
from tests.web.pages import assert_our_page, documents

NEEDED = "A second factor is required."


def person_of(app: Flask, email: str = EMAIL) -> Visitor:
    """A person with a confirmed account who is signed in."""
    person = Visitor(app)
    person.register(email)
    mailbox = Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"]))
    person.submit(mailbox.newest(email).link)
    return person


@pytest.fixture
def for_administrators(make_app: MakeApp) -> Flask:
    """An app whose administrators must have a second factor."""
    return make_app(REQUIRE_SECOND_FACTOR="administrators")


@pytest.fixture
def for_everybody(make_app: MakeApp) -> Flask:
    """An app where everybody must have a second factor."""
    return make_app(REQUIRE_SECOND_FACTOR="everybody")


def test_an_administrator_without_one_is_led_to_the_page_that_says_why(
    for_administrators: Flask,
) -> None:
    root = administrator_of(for_administrators)
    root.sign_out()
    assert root.sign_in("root@example.com").location == SECURITY
    for path in ("/admin/", "/admin/people", "/admin/mail", "/admin/funnel.csv"):
        assert root.get(path).location == SECURITY
        assert root.client.head(path).location == SECURITY
    assert root.forge("/admin/mail/retry/confirm").location == SECURITY
    assert f"{NEEDED} This site asks its administrators" in alert(root.get(SECURITY), "warning")
    assert root.get("/profile").status_code == 200
    add_app(root)
    assert root.get("/admin/people").status_code == 200
    assert NEEDED not in alert(root.get(SECURITY))


def test_other_people_need_none_where_only_administrators_do(for_administrators: Flask) -> None:
    ada = person_of(for_administrators)
    ada.sign_out()
    assert ada.sign_in(EMAIL).location == "/"
    assert ada.get("/profile").status_code == 200
    assert_our_page(ada.get("/admin/"), 404)
    assert NEEDED not in alert(ada.get(SECURITY))


def test_everybody_is_led_there_after_signing_in_and_sees_nothing_that_needs_it(
    for_everybody: Flask,
) -> None:
    ada = person_of(for_everybody)
    ada.sign_out()
    assert ada.sign_in(EMAIL, next="/profile/sessions").location == SECURITY
    before = documents(for_everybody)
    for path in (
        *("/profile", "/profile/password", "/profile/email", "/profile/sessions"),
        *("/profile/activity", "/profile/export", "/profile/delete"),
    ):
        assert ada.get(path).location == SECURITY, path
        assert ada.client.head(path).location == SECURITY, path
    fields = {"current_password": PASSWORD, "email": "new@example.com"}
    for path in ("/profile/email", "/profile/delete", "/profile/sessions/revoke-others"):
        assert ada.forge(path, fields).location == SECURITY, path
    assert documents(for_everybody) == before
    for path in ("/", SECURITY, TOTP, f"{PASSKEYS}/options", "/reauth", "/health/live"):
        assert ada.get(path).status_code == 200, path
    assert f"{NEEDED} This site asks everybody" in alert(ada.get(SECURITY), "warning")
    assert soup(ada.get("/")).select_one(f"main a[href='{SECURITY}']")
    assert ada.sign_out().location == "/login"


def test_with_a_passkey_the_whole_account_is_open(for_everybody: Flask) -> None:
    ada = person_of(for_everybody)
    _key, answer = add_passkey(ada)
    assert len(codes_on(answer)) == 10
    assert ada.get("/profile").status_code == 200
    assert ada.get("/profile/export").status_code == 200


def test_removing_the_last_factor_is_allowed_and_leads_to_the_page(for_everybody: Flask) -> None:
    ada = person_of(for_everybody)
    add_app(ada)
    assert ada.submit(f"{TOTP}/remove", on=SECURITY).location == SECURITY
    assert NEEDED in alert(ada.get(SECURITY))
    assert ada.get("/profile").location == SECURITY


def test_people_who_are_not_confirmed_are_not_asked(for_everybody: Flask) -> None:
    bob = Visitor(for_everybody)
    bob.register("bob@example.com")
    assert bob.get("/profile").location == "/unconfirmed"
    assert bob.sign_in("bob@example.com").location == "/unconfirmed"
    assert bob.get(SECURITY).location == "/unconfirmed"


def test_administrators_see_who_has_a_second_factor(app: Flask) -> None:
    root, ada = administrator_of(app), person_of(app)
    people = root.page("/admin/people")
    assert "No second factor" in people.text
    add_app(ada)
    add_passkey(ada)
    row = next(row for row in root.page("/admin/people").select(".lk-item") if EMAIL in row.text)
    assert "Second factor" in row.text
    link = row.select_one("a")
    assert link is not None
    facts = root.page(str(link["href"])).get_text(" ")
    assert "An authenticator app, 1 passkey, 10 recovery codes" in facts
    tiles = root.page("/admin/").select(".lk-tiles > div")
    (tile,) = [tile for tile in tiles if "Second factor" in tile.text]
    assert tile.get_text(" ", strip=True) == "Second factor 1 50.0 % of those confirmed"
