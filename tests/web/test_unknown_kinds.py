"""Events and letters of kinds that only a newer version knows are kept and shown by their names.

They exist during a deployment and after a rollback.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.mail.worker import Worker
from app.mongo import current_mongo
from app.users.clock import utcnow
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import Visitor
from tests.web.pages import assert_our_page

ADA = "ada@example.com"
KIND, NAME = "sms_sent", "Sms sent"


@pytest.fixture(params=["mongomock", "mongod"])
def app(request: pytest.FixtureRequest, make_app: MakeApp) -> Flask:
    """The app on mongomock and on a real MongoDB."""
    if request.param == "mongomock":
        return make_app()
    return make_app(MONGODB_URI=request.getfixturevalue("real_uri"))


def _account(app: Flask) -> dict[str, Any]:
    with app.app_context():
        found = current_mongo().users.find_one({"email_key": ADA})
    assert found
    return found


def _push(app: Flask, field: str, *entries: dict[str, Any]) -> None:
    """Stores entries as the newer version would."""
    with app.app_context():
        pushed = {"$push": {field: {"$each": list(entries)}}}
        assert current_mongo().users.update_one({"email_key": ADA}, pushed).matched_count == 1


def _unknown(app: Flask, field: str) -> list[dict[str, Any]]:
    return [entry for entry in _account(app)[field] if entry["kind"] == KIND]


def _person(administrator: Visitor, app: Flask) -> str:
    page = administrator.get(f"/admin/people/{_account(app)['_id']}")
    assert page.status_code == 200
    return page.text


# Events


@pytest.fixture
def event(app: Flask, confirmed: Visitor) -> dict[str, Any]:
    """An event in Ada's activity, with an unknown field, too."""
    entry = {"kind": KIND, "at": utcnow(), "by": "self", "address": "192.0.2.9", "browser": ""}
    _push(app, "events", {**entry, "count": 1, "passkey": "yellow key"})
    (stored,) = _unknown(app, "events")
    return stored


@pytest.mark.usefixtures("event")
def test_the_activity_shows_an_unknown_event_by_its_name(confirmed: Visitor) -> None:
    page = confirmed.get("/profile/activity")
    assert page.status_code == 200
    assert NAME in page.text
    assert "192.0.2.9" in page.text
    assert "Signed in" not in page.text.partition(NAME)[0], "the newest entry is first"


def test_the_export_has_an_unknown_event(confirmed: Visitor, event: dict[str, Any]) -> None:
    answer = confirmed.get("/profile/export")
    assert answer.status_code == 200
    (exported,) = [entry for entry in _lists(answer.get_json()) if entry.get("kind") == KIND]
    assert datetime.fromisoformat(exported["at"]) == event["at"]
    assert exported["address"] == "192.0.2.9"


@pytest.mark.usefixtures("event")
def test_administrators_see_an_unknown_event(app: Flask, administrator: Visitor) -> None:
    assert NAME in _person(administrator, app)


def test_an_unknown_event_is_kept_as_it_is(
    app: Flask, confirmed: Visitor, administrator: Visitor, event: dict[str, Any]
) -> None:
    confirmed.get("/profile/activity")
    confirmed.get("/profile/export")
    _person(administrator, app)
    confirmed.sign_out()
    confirmed.sign_in(ADA)
    assert _unknown(app, "events") == [event]
    assert _account(app)["events"][-1]["kind"] == "signed_in"


# Letters


@pytest.fixture
def letters(app: Flask, confirmed: Visitor) -> list[dict[str, Any]]:
    """Three letters to Ada: one is due, one is in retry, one is refused."""
    due = utcnow() - timedelta(minutes=2)
    _push(
        app,
        "outbox",
        _letter(due),
        _letter(due, trouble="451 try later"),
        _letter(None, trouble="550 no such mailbox"),
    )
    return _unknown(app, "outbox")


def _letter(due_on: datetime | None, trouble: str | None = None) -> dict[str, Any]:
    return {
        "kind": KIND,
        "owed_on": utcnow() - timedelta(hours=1),
        "due_on": due_on,
        "message_id": secrets.token_hex(16),
        "id": secrets.token_hex(8),
        "to": ADA,
        "version": 0,
        "other": "",
        "address": "",
        "browser": "",
        "attempts": 1 if trouble else 0,
        "lease": None,
        "trouble": trouble,
        "blocked": False,
        "passkey": "yellow key",
    }


@pytest.mark.usefixtures("letters")
def test_administrators_see_unknown_letters(app: Flask, administrator: Visitor) -> None:
    page = administrator.get("/admin/mail")
    assert page.status_code == 200
    # Due, in retry, refused.
    assert page.text.count(f"<h3>{NAME}") == 3
    assert "451 try later" in page.text
    assert "550 no such mailbox" in page.text
    people = administrator.get("/admin/people")
    assert people.status_code == 200
    assert ADA in people.text
    assert _person(administrator, app).count(f"<h3>{NAME}") == 3


@pytest.mark.usefixtures("letters")
def test_no_page_offers_to_try_all_unknown_letters_again(administrator: Visitor) -> None:
    assert f"/admin/mail/retry/{KIND}" not in administrator.get("/admin/mail").text
    assert_our_page(administrator.get(f"/admin/mail/retry/{KIND}"), 404)


@pytest.mark.usefixtures("letters")
def test_the_export_has_unknown_letters(confirmed: Visitor) -> None:
    answer = confirmed.get("/profile/export")
    assert answer.status_code == 200
    kinds = [entry.get("kind") for entry in _lists(answer.get_json())]
    assert kinds.count(KIND) == 3


def test_the_worker_keeps_unknown_letters_and_reports_that_letters_are_left(
    app: Flask, letters: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(app)
    assert worker.run_once(), "letters are left"
    assert worker.run_once(), "and still are left"
    assert _unknown(app, "outbox") == letters
    assert "Traceback" not in caplog.text


def test_other_letters_to_the_same_account_are_delivered(
    app: Flask, visitor: Visitor, letters: list[dict[str, Any]], mailbox: Mailbox
) -> None:
    visitor.submit("/forgot", email=ADA)
    assert "password" in mailbox.newest(ADA, "new password").subject
    visitor.sign_in(ADA)
    assert "New sign-in" in mailbox.newest(ADA, "new sign-in").subject
    assert _account(app)["outbox"] == letters


def test_a_refused_unknown_letter_does_not_count_as_left_to_send(
    app: Flask, confirmed: Visitor
) -> None:
    _push(app, "outbox", _letter(None, trouble="550 no such mailbox"))
    kept = _unknown(app, "outbox")
    assert not Worker(app).run_once()
    assert _unknown(app, "outbox") == kept


def test_an_administrator_can_retry_an_unknown_letter(
    app: Flask, administrator: Visitor, letters: list[dict[str, Any]]
) -> None:
    refused = letters[2]
    path = f"/admin/mail/{_account(app)['_id']}/{refused['id']}/retry"
    administrator.submit(path, on="/admin/mail")
    (stored,) = [entry for entry in _unknown(app, "outbox") if entry["id"] == refused["id"]]
    assert stored["due_on"] is not None
    assert stored == refused | {"due_on": stored["due_on"]}
    assert Worker(app).run_once()
    assert stored in _unknown(app, "outbox")


def _lists(export: dict[str, Any]) -> list[dict[str, Any]]:
    """Every entry of every list in an export."""
    entries = [entry for value in export.values() if isinstance(value, list) for entry in value]
    return [entry for entry in entries if isinstance(entry, dict)]
