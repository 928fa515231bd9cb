"""Sessions, activity, export and deletion."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask

from app.mongo import current_mongo
from tests.journeys.conftest import EMAIL
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, errors

NewVisitor = Callable[[], Visitor]
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.fixture
def laptop(ada: Visitor, new_visitor: NewVisitor) -> Visitor:
    """Ada's second browser."""
    laptop = new_visitor()
    laptop.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    laptop.sign_in(EMAIL)
    return laptop


def _revoke_action(visitor: Visitor) -> str:
    forms = visitor.page("/profile/sessions").select("main form[action$='/revoke']")
    assert len(forms) == 1
    return str(forms[0]["action"])


def test_a_lost_laptop_can_be_signed_out_from_the_list_of_sessions(
    ada: Visitor, laptop: Visitor
) -> None:
    assert "Firefox on Windows" in ada.get("/profile/sessions").text
    answer = ada.submit(_revoke_action(ada), on="/profile/sessions")
    assert answer.location == "/profile/sessions"
    assert laptop.get("/profile").status_code == 302
    assert ada.get("/profile").status_code == 200


def test_all_other_browsers_can_be_signed_out_together(
    ada: Visitor, laptop: Visitor, new_visitor: NewVisitor
) -> None:
    phone = new_visitor()
    phone.sign_in(EMAIL)
    ada.submit("/profile/sessions/revoke-others", on="/profile/sessions")
    assert ada.get("/profile").status_code == 200
    assert laptop.get("/profile").status_code == 302
    assert phone.get("/profile").status_code == 302


def test_a_session_of_another_account_cannot_be_ended(
    ada: Visitor, visitor: Visitor, laptop: Visitor, mailbox: Mailbox
) -> None:
    other_session = _revoke_action(ada)
    visitor.register("eve@example.com")
    visitor.submit(mailbox.newest("eve@example.com").link)
    token = visitor.page("/profile/sessions").find("input", {"name": "csrf_token"})
    assert token
    answer = visitor.client.post(other_session, data={"csrf_token": token["value"]})
    assert answer.status_code == 404
    assert laptop.get("/profile").status_code == 200


def test_no_page_shows_session_ids(ada: Visitor, laptop: Visitor) -> None:
    secret = ada.cookie()["_user_id"].partition(".")[2]
    for path in ("/profile/sessions", "/profile/activity", "/profile/export", "/profile"):
        assert secret not in ada.get(path).text


def test_a_sign_in_from_an_unknown_browser_sends_a_mail_and_from_a_known_one_does_not(
    ada: Visitor, laptop: Visitor, mailbox: Mailbox
) -> None:
    before = mailbox.subjects(EMAIL)
    assert "Firefox on Windows" in mailbox.newest(EMAIL, "sign-in").text
    for known in (ada, laptop):
        known.sign_out()
        known.sign_in(EMAIL)
    assert mailbox.subjects(EMAIL) == before


def test_the_activity_lists_events_newest_first(
    ada: Visitor, laptop: Visitor, visitor: Visitor
) -> None:
    for _try in range(3):
        visitor.sign_in(EMAIL, "a wrong password")
    page = ada.get("/profile/activity").text
    assert "3 times" in page
    assert "Firefox on Windows" in page
    positions = [page.index(words) for words in ("refused", "Signed in", "registered")]
    assert positions == sorted(positions)
    assert page.count("refused") == 1, "one line with a count"


def test_the_export_has_all_data_but_no_secrets(app: Flask, ada: Visitor, laptop: Visitor) -> None:
    response = ada.get("/profile/export")
    assert response.headers["Content-Disposition"].startswith("attachment")
    data = response.get_json()
    assert data["email"] == EMAIL
    assert datetime.fromisoformat(data["registered_on"]).tzinfo == UTC
    assert len(data["sessions"]) == 2
    assert {event["kind"] for event in data["activity"]} >= {"registered", "confirmed", "exported"}
    with app.app_context():
        stored = current_mongo().users.find_one({}) or {}
    for secret in (
        stored["password_hash"],
        *(session["id"] for session in stored["sessions"]),
        *stored["devices"],
        *(letter["message_id"] for letter in stored["outbox"]),
    ):
        assert secret not in response.text
    assert "downloaded" in ada.get("/profile/activity").text


def test_deleting_the_account_ends_all_sessions_and_frees_the_address(
    app: Flask, ada: Visitor, laptop: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    refused = ada.submit("/profile/delete", current_password="not it")
    assert "current_password" in errors(refused)

    answer = ada.submit("/profile/delete", current_password=PASSWORD)
    assert answer.location == "/"
    for browser in (ada, laptop):
        assert browser.get("/profile").status_code == 302
    assert visitor.sign_in(EMAIL).status_code == 422

    assert "deleted" in mailbox.newest(EMAIL).subject.lower()
    with app.app_context():
        assert current_mongo().users.find_one({}) is None, "no data of the person is left"

    visitor.register(EMAIL)
    assert visitor.submit(mailbox.newest(EMAIL).link).location == "/"


def test_a_deleted_address_can_be_registered_before_the_deletion_mail_is_sent(
    ada: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    ada.submit("/profile/delete", current_password=PASSWORD)
    visitor.register(EMAIL)
    assert "deleted" in " ".join(mailbox.subjects(EMAIL)).lower()
    assert visitor.submit(mailbox.newest(EMAIL, "confirm").link).location == "/"
