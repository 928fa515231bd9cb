"""What administrators see and do, and what the affected people notice."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.mongo import outbox
from app.users.clock import utcnow
from app.users.refusals import Refusal
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, alert, soup
from tests.web.pages import assert_our_page, documents

ADA, BOB, ROOT = "ada@example.com", "bob@example.com", "root@example.com"
NEW = "another fine long password"


@pytest.fixture
def ada(confirmed: Visitor) -> Visitor:
    """A confirmed person who is signed in."""
    return confirmed


@pytest.fixture
def bob(new_visitor: Callable[[], Visitor]) -> Visitor:
    """An unconfirmed person who is signed in."""
    bob = new_visitor()
    bob.register(BOB)
    return bob


def path_of(administrator: Visitor, email: str) -> str:
    """The path of the page of a person, found by a search."""
    page = soup(administrator.get("/admin/people", query_string={"q": email}))
    (link,) = page.find_all("a", string=email)
    return str(link["href"])


def do_action(administrator: Visitor, email: str, name: str) -> TestResponse:
    """Does an action on a person, by the page that asks for confirmation."""
    path = f"{path_of(administrator, email)}/{name}"
    return administrator.submit(path)


def message_after(administrator: Visitor, answer: TestResponse) -> str:
    return alert(administrator.get(str(answer.location)))


def account(app: Flask, email: str) -> dict[str, Any]:
    """The stored document of an account."""
    (found,) = (document for document in documents(app) if document["email_key"] == email)
    return found


def subjects(mailbox: Mailbox, email: str) -> str:
    return " | ".join(mailbox.subjects(email))


# Looking


@pytest.mark.usefixtures("ada", "bob")
def test_people_are_listed_newest_first_and_found_by_a_part_of_the_address(
    administrator: Visitor,
) -> None:
    page = administrator.page("/admin/people")
    listed = [str(link.string) for link in page.select(".lk-item h2 a")]
    assert sorted(listed) == [ADA, BOB, ROOT]
    assert listed.index(BOB) < listed.index(ADA)
    found = administrator.page("/admin/people?q=DA@ex").select(".lk-item h2 a")
    assert [str(link.string) for link in found] == [ADA]
    assert "Nobody is found" in administrator.get("/admin/people?q=.*").text


@pytest.mark.usefixtures("ada", "bob")
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("waiting", {BOB}),
        ("confirmed", {ADA, ROOT}),
        ("administrators", {ROOT}),
        ("disabled", set()),
        ("refused", set()),
        ("nonsense", {ADA, BOB, ROOT}),
    ],
)
def test_people_are_listed_by_state(administrator: Visitor, state: str, expected: set[str]) -> None:
    page = administrator.page(f"/admin/people?state={state}")
    assert {str(link.string) for link in page.select(".lk-item h2 a")} == expected


@pytest.mark.usefixtures("ada")
def test_the_page_of_a_person_shows_the_state_and_no_secret(
    app: Flask, administrator: Visitor
) -> None:
    page = administrator.get(path_of(administrator, ADA))
    for words in ("after signing up", "The address was confirmed", "by the owner", "Letters"):
        assert words in page.text
    stored = account(app, ADA)
    for secret in (stored["password_hash"], stored["sessions"][0]["id"], "/confirm/"):
        assert str(secret) not in page.text


@pytest.mark.parametrize("path", ["x", "0" * 24, "a" * 3000, "deleted:0"])
def test_an_unknown_account_is_a_404(administrator: Visitor, path: str) -> None:
    assert_our_page(administrator.get(f"/admin/people/{path}"), 404)
    assert_our_page(administrator.get(f"/admin/people?after={path}"), 404)


@pytest.mark.usefixtures("bob")
def test_an_action_asks_before_it_changes_anything(app: Flask, administrator: Visitor) -> None:
    path, before = path_of(administrator, BOB), documents(app)
    for name in re.findall(rf'href="{path}/(\w+)"', administrator.get(path).text):
        page = administrator.get(f"{path}/{name}")
        assert BOB in page.text
    assert documents(app) == before
    assert administrator.client.post(f"{path}/delete").status_code == 400, "without a CSRF token"


# Helping


def test_an_administrator_can_send_a_new_confirmation_mail(
    administrator: Visitor, bob: Visitor, mailbox: Mailbox
) -> None:
    older = mailbox.newest(BOB).link
    assert "on its way" in message_after(administrator, do_action(administrator, BOB, "resend"))
    assert bob.get(older).status_code == 410
    assert bob.submit(mailbox.newest(BOB).link).location == "/"
    assert "by an administrator" in bob.get("/profile/activity").text


@pytest.mark.usefixtures("ada")
def test_an_administrator_can_send_a_reset_link(
    administrator: Visitor, mailbox: Mailbox, visitor: Visitor
) -> None:
    assert "on its way" in message_after(administrator, do_action(administrator, ADA, "reset"))
    link = mailbox.newest(ADA, "password").link
    assert visitor.submit(link, password=NEW, confirm=NEW).location == "/login"
    assert visitor.sign_in(ADA, NEW).location == "/"


def test_an_administrator_can_end_all_sessions_of_a_person(
    administrator: Visitor, ada: Visitor
) -> None:
    assert "signed out" in message_after(administrator, do_action(administrator, ADA, "sessions"))
    assert ada.get("/profile").location == "/login?next=%2Fprofile"
    ada.sign_in(ADA)
    assert "by an administrator" in ada.get("/profile/activity").text


# Disabling


def test_a_disabled_person_is_signed_out_and_learns_why_only_with_the_right_password(
    administrator: Visitor, ada: Visitor, mailbox: Mailbox
) -> None:
    assert ada.get("/profile").status_code == 200
    assert "disabled" in message_after(administrator, do_action(administrator, ADA, "disable"))
    assert ada.get("/profile").location == "/login?next=%2Fprofile"
    wrong = ada.sign_in(ADA, "not the password")
    assert (wrong.status_code, "do not match" in alert(wrong)) == (422, True)
    right = ada.sign_in(ADA)
    assert (right.status_code, "This account is disabled" in alert(right)) == (422, True)
    assert "is disabled" in subjects(mailbox, ADA)

    do_action(administrator, ADA, "enable")
    assert ada.sign_in(ADA).location == "/"
    assert "enabled again" in subjects(mailbox, ADA)


def test_no_link_opens_a_disabled_account(
    administrator: Visitor, bob: Visitor, mailbox: Mailbox, visitor: Visitor
) -> None:
    link = mailbox.newest(BOB).link
    do_action(administrator, BOB, "disable")
    assert_our_page(visitor.get(link), 403)
    assert_our_page(visitor.forge(link, {"password": PASSWORD}), 403)
    visitor.submit("/forgot", email=BOB)
    visitor.submit(mailbox.newest(BOB, "password").link, password=NEW, confirm=NEW)
    assert "This account is disabled" in alert(visitor.sign_in(BOB, NEW))
    bob.register(BOB)
    assert "This account is disabled" in alert(visitor.sign_in(BOB, NEW))


# Administrators


@pytest.mark.usefixtures("bob")
def test_administration_is_granted_and_withdrawn_with_a_mail_each(
    administrator: Visitor, ada: Visitor, mailbox: Mailbox
) -> None:
    assert ada.get("/admin/").status_code == 404
    do_action(administrator, ADA, "grant")
    assert ada.get("/admin/").status_code == 200, "on the next request"
    assert "You are an administrator" in subjects(mailbox, ADA)
    do_action(administrator, ADA, "withdraw")
    assert ada.get("/admin/").status_code == 404, "on the next request"
    assert "no longer an administrator" in subjects(mailbox, ADA)
    assert "by an administrator" in ada.get("/profile/activity").text


def test_an_unconfirmed_person_cannot_become_an_administrator(
    app: Flask, administrator: Visitor, bob: Visitor
) -> None:
    path = path_of(administrator, BOB)
    assert "Make an administrator" not in administrator.get(path).text
    administrator.forge(f"{path}/grant")
    assert account(app, BOB)["admin"] is False


@pytest.mark.parametrize("name", ["withdraw", "disable", "delete"])
def test_the_last_administrator_cannot_be_removed(
    app: Flask, administrator: Visitor, name: str
) -> None:
    assert "last administrator" in message_after(
        administrator, do_action(administrator, ROOT, name)
    )
    assert account(app, ROOT)["admin"] is True
    assert administrator.get("/admin/").status_code == 200


def test_the_last_administrator_cannot_delete_the_own_account(
    administrator: Visitor, ada: Visitor
) -> None:
    refused = administrator.submit("/profile/delete", current_password=PASSWORD)
    assert (refused.status_code, "last administrator" in alert(refused)) == (422, True)
    do_action(administrator, ADA, "grant")
    assert administrator.submit("/profile/delete", current_password=PASSWORD).location == "/"
    assert "last administrator" in message_after(ada, do_action(ada, ADA, "withdraw"))


def test_an_administrator_can_delete_a_person_who_gets_a_mail(
    app: Flask, administrator: Visitor, ada: Visitor, mailbox: Mailbox
) -> None:
    path = path_of(administrator, ADA)
    assert do_action(administrator, ADA, "delete").location == "/admin/people"
    assert ada.get("/profile").location == "/login?next=%2Fprofile"
    assert administrator.get(path).status_code == 404
    assert "was deleted" in subjects(mailbox, ADA)
    assert [d for d in documents(app) if d["email_key"] != ROOT] == []


# Mail


def test_a_refused_letter_is_listed_with_its_reason_and_can_be_retried(
    app: Flask, administrator: Visitor, bob: Visitor, mailbox: Mailbox
) -> None:
    _refuse_all(app, "550 5.1.1 no such mailbox")
    page = administrator.get("/admin/mail")
    assert "550 5.1.1 no such mailbox" in page.text
    assert "/confirm/" not in page.text
    assert bob.get("/unconfirmed/status").get_json()["mail"] == "failed"
    (form,) = soup(page).select("form[action$='/retry']")
    answer = administrator.submit(str(form["action"]), on="/admin/mail")
    assert "tried again now" in message_after(administrator, answer)
    assert bob.get("/unconfirmed/status").get_json()["mail"] == "queued"
    assert bob.submit(mailbox.newest(BOB).link).location == "/"
    assert "No mail server has refused" in administrator.get("/admin/mail").text


@pytest.mark.usefixtures("bob")
def test_all_letters_of_a_kind_can_be_retried(
    app: Flask,
    administrator: Visitor,
    new_visitor: Callable[[], Visitor],
    mailbox: Mailbox,
) -> None:
    new_visitor().register("cleo@example.com")
    _refuse_all(app, "554 away")
    answer = administrator.submit("/admin/mail/retry/confirm")
    assert "Letters of this kind to 2 people are tried again now" in message_after(
        administrator, answer
    )
    assert {mail.to for mail in mailbox.all()} >= {BOB, "cleo@example.com"}
    assert administrator.get("/admin/mail/retry/nonsense").status_code == 404


def _refuse_all(app: Flask, words: str) -> None:
    """Refuses every owed letter, as a mail server would."""
    with app.app_context():
        while claim := outbox.lease(utcnow(), timedelta(minutes=1)):
            assert outbox.refuse(claim, words, utcnow(), Refusal.NO_SUCH_MAILBOX)
