"""A refused form is shown again with its values, without the passwords, and then works."""

import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.web.shown_again import page_of_form
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, alert, soup
from tests.web.pages import assert_our_page, documents

ADA, BOB = "ada@example.com", "bob@example.com"
NEW = {"password": "another fine long password", "confirm": "another fine long password"}


def send_stale(
    visitor: Visitor, path: str, *, on: str | None = None, **fields: str
) -> TestResponse:
    """Fills in the form and sends it after the CSRF secret of the session has changed."""
    data = visitor.fill(path, on=on, **fields)
    with visitor.client.session_transaction() as session:
        session["csrf_token"] = secrets.token_hex()
    return visitor.client.post(path, data=data)


def send_again(visitor: Visitor, page: TestResponse, path: str, **fields: str) -> TestResponse:
    """Sends the form for `path` on a page with its values and these fields."""
    values = values_of(page, path)
    assert not fields.keys() - values.keys()
    return visitor.client.post(path, data=values | fields)


def values_of(page: TestResponse, path: str) -> dict[str, str]:
    """The values of the form for `path` on a page."""
    for form in soup(page).find_all("form"):
        if str(form.get("action") or page.request.path).partition("?")[0] == path:
            return {
                str(field["name"]): str(field.get("value", ""))
                for field in form.select("input[name]")
                if field.get("type") != "checkbox" or field.has_attr("checked")
            }
    raise AssertionError(f"no form for {path}")


@pytest.mark.usefixtures("confirmed")
def test_a_stale_sign_in_form_comes_back_with_the_address_and_works(visitor: Visitor) -> None:
    page = send_stale(visitor, "/login", email="Ada@example.com", password=PASSWORD, remember="y")
    assert_our_page(page, 400)
    assert "This page was open for too long. Send the form again." in alert(page)
    assert PASSWORD not in page.text
    values = values_of(page, "/login")
    assert (values["email"], values["password"], values["remember"]) == ("Ada@example.com", "", "y")
    assert send_again(visitor, page, "/login", password=PASSWORD).location == "/"


def test_a_person_who_signed_in_meanwhile_goes_home(confirmed: Visitor) -> None:
    """The page is open in one tab while the person signs in in another tab."""
    for path in ("/login", "/register"):
        answer = confirmed.client.post(path, data={"email": ADA, "password": PASSWORD})
        assert (answer.status_code, answer.location) == (302, "/")
    answer = confirmed.client.post("/login?next=/profile", data={"email": ADA})
    assert answer.location == "/profile"


def test_a_form_still_works_after_another_person_signed_in_and_out(
    confirmed: Visitor, administrator: Visitor
) -> None:
    confirmed.sign_out()
    data = confirmed.fill("/login", email=ADA, password=PASSWORD)
    confirmed.sign_in("root@example.com")
    confirmed.sign_out()
    page = confirmed.client.post("/login", data=data)
    assert_our_page(page, 400)
    assert "root@example.com" not in page.text
    assert send_again(confirmed, page, "/login", password=PASSWORD).location == "/"


def test_the_page_shows_only_the_account_that_is_signed_in_now(
    confirmed: Visitor, administrator: Visitor
) -> None:
    """A form of one account is sent after another account has signed in. It changes neither."""
    data = confirmed.fill("/profile/delete", current_password=PASSWORD)
    confirmed.sign_out()
    confirmed.sign_in("root@example.com")
    before = documents(confirmed.app)
    page = confirmed.client.post("/profile/delete", data=data)
    assert_our_page(page, 400)
    assert "root@example.com" in page.text
    assert ADA not in page.text
    assert [d["_id"] for d in documents(confirmed.app)] == [d["_id"] for d in before]


@pytest.mark.parametrize(
    ("path", "fields", "kept"),
    [
        ("/register", {"email": BOB, **NEW}, {"email": BOB}),
        ("/forgot", {"email": BOB}, {"email": BOB}),
    ],
)
def test_forms_of_strangers_come_back(
    visitor: Visitor, path: str, fields: dict[str, str], kept: dict[str, str]
) -> None:
    assert_comes_back(visitor, send_stale(visitor, path, **fields), path, fields, kept)


@pytest.mark.parametrize(
    ("path", "fields", "kept"),
    [
        ("/profile/email", {"email": BOB, "current_password": PASSWORD}, {"email": BOB}),
        ("/profile/password", {"current_password": PASSWORD, **NEW}, {}),
        ("/profile/delete", {"current_password": PASSWORD}, {}),
    ],
)
def test_forms_of_the_profile_come_back(
    confirmed: Visitor, path: str, fields: dict[str, str], kept: dict[str, str]
) -> None:
    assert_comes_back(confirmed, send_stale(confirmed, path, **fields), path, fields, kept)


def test_the_form_of_a_reset_link_comes_back(
    confirmed: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    visitor.submit("/forgot", email=ADA)
    path = urlsplit(mailbox.newest(ADA).link).path
    assert_comes_back(visitor, send_stale(visitor, path, **NEW), path, NEW, {})


def test_the_forms_of_a_confirmation_link_come_back(
    visitor: Visitor, new_visitor: Callable[[], Visitor], mailbox: Mailbox
) -> None:
    visitor.register(ADA)
    path = urlsplit(mailbox.newest(ADA).link).path
    stranger = new_visitor()
    page = send_stale(stranger, f"{path}/disown", on=path)
    assert_our_page(page, 400)
    assert len(documents(stranger.app)) == 1
    # The page is now at another URL, so its other form needs an `action`.
    assert send_again(stranger, page, path, password=PASSWORD).location == "/"


def test_the_script_does_not_press_the_owners_button_again(
    visitor: Visitor, mailbox: Mailbox
) -> None:
    """If cookies are blocked, the script would press it again and again."""
    visitor.register(ADA)
    path = urlsplit(mailbox.newest(ADA).link).path
    assert soup(visitor.get(path)).select("[data-auto-submit]")
    page = send_stale(visitor, path)
    assert_our_page(page, 400)
    assert not soup(page).select("[data-auto-submit]")
    assert send_again(visitor, page, path).location == "/"


def test_the_code_comes_back(visitor: Visitor) -> None:
    visitor.register(ADA)
    page = send_stale(visitor, "/unconfirmed/code", on="/unconfirmed", code="123 456")
    assert_our_page(page, 400)
    assert values_of(page, "/unconfirmed/code")["code"] == "123 456"


@pytest.mark.parametrize("path", ["/resend", "/unconfirmed/start-over", "/logout"])
def test_buttons_of_people_who_wait_come_back(make_app: MakeApp, path: str) -> None:
    visitor = Visitor(make_app(RESEND_COOLDOWN="0"))
    visitor.register(ADA)
    on = "/" if path == "/logout" else "/unconfirmed"
    page = send_stale(visitor, path, on=on)
    assert_our_page(page, 400)
    assert visitor.get("/unconfirmed").status_code == 200
    assert len(documents(visitor.app)) == 1
    assert send_again(visitor, page, path).status_code == 302


def test_buttons_of_the_profile_come_back(
    confirmed: Visitor, new_visitor: Callable[[], Visitor]
) -> None:
    for _browser in range(2):
        new_visitor().sign_in(ADA)
    confirmed.submit("/profile/email", email=BOB, current_password=PASSWORD)
    buttons = soup(confirmed.get("/profile/sessions")).select("main form")
    paths = [(str(button["action"]), "/profile/sessions") for button in buttons]
    assert len(paths) == 3, "a button for each of two browsers, and one for all"
    for path, on in [paths[0], paths[-1], ("/profile/email/cancel", "/profile/email")]:
        page = send_stale(confirmed, path, on=on)
        assert_our_page(page, 400)
        assert send_again(confirmed, page, path).location == on


def test_a_form_of_an_administrator_comes_back(app: Flask, administrator: Visitor) -> None:
    Visitor(app).register(ADA)
    (ada,) = [d for d in documents(app) if d["email"] == ADA]
    path = f"/admin/people/{ada['_id']}/delete"
    page = send_stale(administrator, path)
    assert_our_page(page, 400)
    assert ADA in page.text
    assert len(documents(app)) == 2


def test_a_stale_form_shows_no_administrator_page_to_other_people(
    app: Flask, confirmed: Visitor, visitor: Visitor
) -> None:
    (ada,) = documents(app)
    for person in (confirmed, visitor):
        page = person.client.post(f"/admin/people/{ada['_id']}/delete", data={})
        assert_our_page(page, 400)
        assert ADA not in page.text


def test_a_person_whose_session_has_ended_gets_a_link_to_sign_in(confirmed: Visitor) -> None:
    data = confirmed.fill("/profile/email", email=BOB, current_password=PASSWORD)
    confirmed.sign_out()
    page = confirmed.client.post("/profile/email", data=data)
    assert_our_page(page, 400)
    assert soup(page).select_one('main a[href="/login?next=%2Fprofile%2Femail"]')


def test_every_form_has_a_page(app: Flask) -> None:
    """Each view that accepts only a POST names the page of its form. Only a script asks for
    advice."""
    without = set()
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and not rule.endpoint.startswith("api."):
            with app.test_request_context() as context:
                context.request.url_rule = rule
                if page_of_form() is None:
                    without.add(rule.endpoint)
    assert without == {"auth.advice"}


def test_every_form_on_a_page_that_may_be_shown_at_another_url_has_an_action(
    confirmed: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    visitor.register(BOB)
    link = urlsplit(mailbox.newest(BOB).link).path
    confirmed.submit("/profile/email", email="c@example.com", current_password=PASSWORD)
    pages = [
        (visitor, "/unconfirmed"),
        (visitor, "/"),
        (Visitor(visitor.app), link),
        (confirmed, "/profile/email"),
        (confirmed, "/profile/sessions"),
        (confirmed, "/profile/security"),
        (confirmed, "/profile/security/totp"),
        (confirmed, "/reauth"),
    ]
    for person, path in pages:
        forms = soup(person.get(path)).select("form")
        assert forms
        assert all(form.get("action") for form in forms), path


def assert_comes_back(
    visitor: Visitor,
    page: TestResponse,
    path: str,
    fields: dict[str, str],
    kept: dict[str, str],
) -> None:
    """Checks that the form was refused, is shown again, and works when the passwords are typed."""
    assert_our_page(page, 400)
    assert "Send the form again." in alert(page)
    values = values_of(page, path)
    assert {name: values[name] for name in fields} == dict.fromkeys(fields, "") | kept
    passwords = {name: value for name, value in fields.items() if name not in kept}
    assert not any(value in page.text for value in passwords.values())
    assert send_again(visitor, page, path, **passwords).status_code == 302
