"""Accounts, sessions, links and letters of the first release still work.

`landed.json` has what that release left in MongoDB, in browsers and in mailboxes after people used
it over HTTP, at a fixed time and with the keys of the tests. No one may generate it again, because
installations have such data. So these tests use only pages, cookies and collections.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from bson import json_util
from flask import Flask

from app.mongo import current_mongo
from tests.authenticator import AuthenticatorApp
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, alert, errors

Document = dict[str, Any]
Browser = Callable[[str], Visitor]

FIRST_RELEASE: Document = json_util.loads(
    Path(__file__).with_name("landed.json").read_text(),
    json_options=json_util.JSONOptions(tz_aware=True),
)
WRITTEN_ON: datetime = FIRST_RELEASE["written_on"]
LINKS: dict[str, str] = FIRST_RELEASE["links"]

ADA, CAROL, DAVE, DORIS = (f"{name}@example.com" for name in ("ada", "carol", "dave", "doris"))
FRED, KIM, OLGA, OWEN = (f"{name}@example.com" for name in ("fred", "kim", "olga", "owen"))
GINA, REX, RITA, ROOT = (f"{name}@example.com" for name in ("gina", "rex", "rita", "root"))
UMA, NEW_CAROL, NEW_DAVE = "uma@example.com", "carol@new.example", "dave@new.example"
REFUSED = "550 5.1.1 There is no such mailbox here"
NEW = "a quite different phrase"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Ten minutes later: links and sessions are still valid, and a visit updates a session."""
    with time_machine.travel(WRITTEN_ON + timedelta(minutes=10), tick=False) as clock:
        yield clock


@pytest.fixture
def app(make_app: MakeApp, clock: time_machine.Traveller) -> Flask:
    """This version of the app on the data of the first release."""
    return _with_data_of_first_release(make_app())


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Makes the browser of a person, with its cookies of the first release."""

    def with_cookies(name: str) -> Visitor:
        visitor = Visitor(app)
        for cookie, value in FIRST_RELEASE["cookies"][name].items():
            visitor.client.set_cookie(cookie, value)
        return visitor

    return with_cookies


@pytest.fixture
def known_browser(app: Flask) -> Visitor:
    """A browser in which Ada has signed out: only its device cookie is left."""
    visitor = Visitor(app)
    visitor.client.set_cookie("device", FIRST_RELEASE["cookies"]["ada"]["device"])
    return visitor


@pytest.fixture
def root(browser: Browser) -> Visitor:
    """The administrator, who is still signed in."""
    return browser("root")


def _with_data_of_first_release(app: Flask) -> Flask:
    with app.app_context():
        database = current_mongo().database
        for name, documents in FIRST_RELEASE["collections"].items():
            # MongoDB has its own clock and would delete expired accounts.
            for index, found in database[name].index_information().items():
                if "expireAfterSeconds" in found:
                    database[name].drop_index(index)
            database[name].insert_many(documents)
    return app


def _account_of_first_release(email: str) -> Document:
    """An account as the first release has stored it."""
    accounts: list[Document] = FIRST_RELEASE["collections"]["users"]
    (found,) = (user for user in accounts if user["email"] == email)
    return found


def _deleted_account() -> Document:
    """The document that the first release has left of a deleted account."""
    accounts: list[Document] = FIRST_RELEASE["collections"]["users"]
    (found,) = (user for user in accounts if not user["email"])
    return found


def _message_id(mailbox: Mailbox, to: str) -> str:
    """The part before the @ of the Message-ID of the newest mail to an address."""
    return str(mailbox.newest(to).message["Message-ID"]).strip("<>").partition("@")[0]


def _stored(app: Flask, account: object) -> Document | None:
    with app.app_context():
        return current_mongo().database["users"].find_one({"_id": account})


def _person(root: Visitor, email: str) -> str:
    """The path of the page of a person, found by a search."""
    (link,) = root.page(f"/admin/people?q={email}").find_all("a", string=email)
    return str(link["href"])


# Sessions


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("ada", ADA),
        ("ada's phone", ADA),
        ("carol", CAROL),
        ("dave", NEW_DAVE),
        ("kim", KIM),
        ("olga", OLGA),
        ("root", ROOT),
    ],
)
def test_a_session_of_the_first_release_is_still_signed_in(
    browser: Browser, name: str, email: str
) -> None:
    page = browser(name).get("/profile")
    assert page.status_code == 200
    assert email in page.text


def test_both_sessions_of_the_first_release_are_listed_and_can_be_ended(browser: Browser) -> None:
    ada, phone = browser("ada"), browser("ada's phone")
    page = ada.get("/profile/sessions").text
    assert "Firefox on Linux" in page
    assert "Firefox Mobile on Android" in page
    ada.submit("/profile/sessions/revoke-others", on="/profile/sessions")
    assert ada.get("/profile").status_code == 200
    assert phone.get("/profile").status_code == 302


def test_a_session_of_the_first_release_can_be_signed_out(browser: Browser) -> None:
    ada, copy = browser("ada"), browser("ada")
    assert ada.sign_out().location == "/login"
    assert copy.get("/profile").status_code == 302, "the server has not ended it"


def test_a_session_of_the_first_release_ends_after_its_idle_lifetime(
    browser: Browser, clock: time_machine.Traveller
) -> None:
    clock.move_to(WRITTEN_ON + timedelta(hours=13))
    assert browser("ada").get("/profile").status_code == 302
    assert browser("ada's phone").get("/profile").status_code == 200, "it was to be remembered"


def test_an_open_form_of_the_first_release_is_accepted(browser: Browser) -> None:
    fields = {"current_password": PASSWORD, "password": NEW, "confirm": NEW}
    token = FIRST_RELEASE["csrf_tokens"]["ada"]
    answer = browser("ada").client.post("/profile/password", data={"csrf_token": token, **fields})
    assert answer.location == "/profile"


# Signing in


@pytest.mark.parametrize("email", [ADA, RITA, CAROL, NEW_DAVE, KIM, OLGA, ROOT])
def test_a_password_of_the_first_release_signs_in(visitor: Visitor, email: str) -> None:
    assert visitor.sign_in(email, "not the password").status_code == 422
    assert visitor.sign_in(email).location == "/"
    assert visitor.get("/profile").status_code == 200


def test_an_unconfirmed_account_signs_in_to_the_waiting_page(visitor: Visitor) -> None:
    assert visitor.sign_in(UMA).location == "/unconfirmed"
    assert UMA in visitor.get("/unconfirmed").text


def test_a_device_cookie_of_the_first_release_is_a_known_browser(
    known_browser: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    assert known_browser.sign_in(ADA).location == "/"
    assert mailbox.subjects(ADA) == []
    assert visitor.sign_in(ADA).location == "/"
    assert ["sign-in" in subject for subject in mailbox.subjects(ADA)] == [True], "a strange one"


def test_strangers_cannot_lock_out_a_known_browser_of_the_first_release(
    known_browser: Visitor, visitor: Visitor
) -> None:
    tries = [visitor.sign_in(ADA, "a wrong password").status_code for _try in range(11)]
    assert tries == [422] * 10 + [429]
    assert known_browser.sign_in(ADA).location == "/"


def test_a_disabled_account_stays_disabled_until_it_is_enabled(
    browser: Browser, root: Visitor, visitor: Visitor
) -> None:
    assert browser("doris").get("/profile").status_code == 302
    assert "disabled" in visitor.sign_in(DORIS).text
    prove(root)
    assert root.submit(f"{_person(root, DORIS)}/enable").status_code == 302
    assert visitor.sign_in(DORIS).location == "/"


def prove(visitor: Visitor) -> None:
    """Proves the password again: the sessions of the first release are older than ten minutes."""
    assert visitor.get("/profile/security/totp").location.startswith("/reauth")
    answer = visitor.submit("/reauth?next=/profile", current_password=PASSWORD)
    assert answer.location == "/profile"


def test_an_account_of_the_first_release_gets_a_second_factor(
    app: Flask, browser: Browser, visitor: Visitor
) -> None:
    ada = browser("ada")
    prove(ada)
    phone = AuthenticatorApp.scanning(ada.page("/profile/security/totp"))
    assert ada.submit("/profile/security/totp", code=phone.code()).status_code == 200
    assert visitor.sign_in(ADA).location == "/login/second"
    assert visitor.submit("/login/second", code=phone.code(steps=1)).location == "/"


# Confirming


def test_a_confirmation_link_confirms_with_the_cookie_of_an_unconfirmed_person(
    browser: Browser,
) -> None:
    uma = browser("uma")
    assert uma.get("/profile").location == "/unconfirmed"
    assert uma.submit(LINKS["uma's confirmation"]).location == "/"
    assert UMA in uma.get("/profile").text


def test_a_confirmation_link_confirms_with_the_password_in_another_browser(
    visitor: Visitor,
) -> None:
    assert visitor.submit(LINKS["uma's confirmation"], password=PASSWORD).location == "/"
    assert UMA in visitor.get("/profile").text


def test_a_code_confirms_with_the_cookie_of_an_unconfirmed_person(browser: Browser) -> None:
    uma = browser("uma")
    wrong = uma.submit("/unconfirmed/code", on="/unconfirmed", code="000000")
    assert "4 tries left" in errors(wrong)["code"]
    answer = uma.submit("/unconfirmed/code", on="/unconfirmed", code=FIRST_RELEASE["codes"]["uma"])
    assert answer.location == "/"
    assert UMA in uma.get("/profile").text


def test_a_superseded_link_is_refused_and_the_newer_one_confirms(browser: Browser) -> None:
    rex = browser("rex")
    page = rex.get(LINKS["rex's older confirmation"])
    assert page.status_code == 410
    assert "newer mail was sent" in alert(page, "warning")
    assert rex.submit(LINKS["rex's newer confirmation"]).location == "/"
    assert REX in rex.get("/profile").text


def test_the_page_of_an_expired_link_sends_a_new_mail(
    browser: Browser, mailbox: Mailbox, clock: time_machine.Traveller
) -> None:
    clock.move_to(WRITTEN_ON + timedelta(hours=2))
    uma, link = browser("uma"), LINKS["uma's confirmation"]
    page = uma.get(link)
    assert page.status_code == 410
    assert "expired" in page.text
    assert uma.submit(f"{link}/again", on=link).location == "/unconfirmed"
    assert uma.submit(mailbox.newest(UMA).link).location == "/"


def test_the_waiting_page_shows_the_state_of_the_mail(browser: Browser) -> None:
    for name, state in (("uma", "sent"), ("owen", "queued"), ("fred", "failed")):
        assert browser(name).get("/unconfirmed/status").get_json()["mail"] == state
    page = browser("fred").get("/unconfirmed")
    assert "There is no such mailbox" in alert(page, "danger")
    assert REFUSED not in page.text, "the mail server's words are for administrators"


def test_a_resend_invalidates_a_link_of_the_first_release(
    browser: Browser, mailbox: Mailbox
) -> None:
    uma = browser("uma")
    assert uma.submit("/resend", on="/unconfirmed").location == "/unconfirmed"
    assert uma.get(LINKS["uma's confirmation"]).status_code == 410
    assert uma.submit(mailbox.newest(UMA).link).location == "/"


def test_a_newer_registration_takes_over_an_unconfirmed_account(
    browser: Browser, visitor: Visitor, mailbox: Mailbox
) -> None:
    uma = browser("uma")
    visitor.register(UMA, NEW)
    assert uma.get(LINKS["uma's confirmation"]).status_code == 410
    assert visitor.submit(mailbox.newest(UMA).link).location == "/"
    assert uma.get("/profile").location == "/unconfirmed", "the earlier claim has come to life"


def test_a_decoy_of_the_first_release_still_looks_like_a_new_account(browser: Browser) -> None:
    decoy, newcomer = browser("decoy"), browser("uma")
    page = decoy.get("/unconfirmed")
    assert page.status_code == 200
    assert ADA in page.text
    assert decoy.get("/profile").location == "/unconfirmed"
    status = decoy.get("/unconfirmed/status").get_json()
    assert status.keys() == newcomer.get("/unconfirmed/status").get_json().keys()
    assert (status["confirmed"], status["mail"]) == (False, "sent")
    refused = decoy.submit("/unconfirmed/code", on="/unconfirmed", code="000000")
    assert "4 tries left" in errors(refused)["code"]
    assert decoy.submit("/resend", on="/unconfirmed").location == "/unconfirmed"


# Passwords and addresses


def test_a_reset_link_sets_a_password(visitor: Visitor, browser: Browser, mailbox: Mailbox) -> None:
    rita, link = browser("rita"), LINKS["rita's reset"]
    assert rita.get("/profile").status_code == 200
    assert visitor.submit(link, password=NEW, confirm=NEW).location == "/login"
    assert rita.get("/profile").status_code == 302, "every session ends"
    assert visitor.sign_in(RITA).status_code == 422
    assert visitor.sign_in(RITA, NEW).location == "/"
    assert visitor.get(link).status_code == 410
    assert len(mailbox.subjects(RITA)) == 1


def test_a_newer_reset_link_invalidates_the_one_of_the_first_release(
    visitor: Visitor, mailbox: Mailbox
) -> None:
    visitor.submit("/forgot", email=RITA)
    newer = mailbox.newest(RITA).link
    assert visitor.get(LINKS["rita's reset"]).status_code == 410
    assert visitor.submit(newer, password=NEW, confirm=NEW).location == "/login"


def test_a_pending_change_of_address_is_shown_and_its_link_works(
    browser: Browser, visitor: Visitor
) -> None:
    carol, link = browser("carol"), LINKS["carol's change"]
    assert NEW_CAROL in carol.get("/profile").text
    assert carol.submit(link).location == "/profile"
    assert NEW_CAROL in alert(carol.get("/profile"), "success")
    assert visitor.sign_in(CAROL).status_code == 422
    assert visitor.sign_in(NEW_CAROL).location == "/"
    assert "nothing left to do" in alert(carol.get(link), "success")


def test_a_pending_change_of_address_can_be_cancelled(browser: Browser) -> None:
    carol = browser("carol")
    assert carol.submit("/profile/email/cancel", on="/profile/email").location == "/profile/email"
    assert carol.get(LINKS["carol's change"]).status_code == 410


def test_an_undo_link_restores_the_address(
    browser: Browser, visitor: Visitor, mailbox: Mailbox
) -> None:
    dave, link = browser("dave"), LINKS["dave's undo"]
    assert NEW_DAVE in dave.get("/profile").text
    assert visitor.submit(link).location == "/"
    assert dave.get("/profile").status_code == 302, "no one is signed in"
    reset = mailbox.newest(DAVE, "choose a new password").link
    assert visitor.submit(reset, password=NEW, confirm=NEW).location == "/login"
    assert visitor.sign_in(NEW_DAVE, NEW).status_code == 422
    assert visitor.sign_in(DAVE, NEW).location == "/"


# Letters


def test_an_owed_letter_is_delivered_with_its_message_id_and_its_link_works(
    browser: Browser, mailbox: Mailbox
) -> None:
    (letter,) = _account_of_first_release(OWEN)["outbox"]
    assert _message_id(mailbox, OWEN) == letter["message_id"]
    owen = browser("owen")
    assert owen.get("/unconfirmed/status").get_json()["mail"] == "sent"
    assert owen.submit(mailbox.newest(OWEN).link).location == "/"


def test_only_owed_letters_are_delivered(mailbox: Mailbox) -> None:
    assert sorted(mail.to for mail in mailbox.all()) == [GINA, OWEN]


def test_a_deletion_mail_is_delivered_and_its_document_removed(
    app: Flask, mailbox: Mailbox
) -> None:
    left = _deleted_account()
    (letter,) = left["outbox"]
    assert _stored(app, left["_id"]) is not None
    assert _message_id(mailbox, GINA) == letter["message_id"]
    assert _stored(app, left["_id"]) is None


def test_the_rest_of_a_deleted_account_is_not_an_account(
    visitor: Visitor, root: Visitor, mailbox: Mailbox
) -> None:
    assert GINA not in root.get("/admin/people").text
    assert visitor.sign_in(GINA).status_code == 422
    visitor.register(GINA)
    assert visitor.submit(mailbox.newest(GINA, "confirm").link).location == "/"


def test_a_refused_letter_is_shown_and_can_be_retried(
    root: Visitor, browser: Browser, mailbox: Mailbox
) -> None:
    (letter,) = _account_of_first_release(FRED)["outbox"]
    page = root.get("/admin/mail")
    assert page.status_code == 200
    assert FRED in page.text
    assert REFUSED in page.text
    prove(root)
    assert root.submit("/admin/mail/retry/confirm").location == "/admin/mail"
    assert _message_id(mailbox, FRED) == letter["message_id"]
    assert browser("fred").submit(mailbox.newest(FRED).link).location == "/"


# Administration


@pytest.mark.parametrize("path", ["/admin/", "/admin/people", "/admin/mail", "/admin/funnel.csv"])
def test_an_administrator_of_the_first_release_is_still_an_administrator(
    root: Visitor, path: str
) -> None:
    assert root.get(path).status_code == 200


@pytest.mark.parametrize("name", ["ada", "kim", "uma"])
def test_other_accounts_are_not_administrators(browser: Browser, name: str) -> None:
    assert browser(name).get("/admin/").status_code == 404


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("waiting", {FRED, OWEN, REX, UMA}),
        ("confirmed", {ADA, CAROL, NEW_DAVE, DORIS, KIM, OLGA, RITA, ROOT}),
        ("administrators", {ROOT}),
        ("disabled", {DORIS}),
        ("refused", {FRED}),
    ],
)
def test_people_are_listed_by_their_states(root: Visitor, state: str, expected: set[str]) -> None:
    page = root.page(f"/admin/people?state={state}")
    assert {str(link.string) for link in page.select(".lk-item h2 a")} == expected


def test_the_page_of_every_person_can_be_opened(root: Visitor) -> None:
    paths = [str(link["href"]) for link in root.page("/admin/people").select(".lk-item h2 a")]
    assert len(paths) == sum(bool(user["email"]) for user in FIRST_RELEASE["collections"]["users"])
    for path in paths:
        assert root.get(path).status_code == 200


def test_the_last_administrator_stays_an_administrator(root: Visitor) -> None:
    refused = root.submit("/profile/delete", current_password=PASSWORD)
    assert "last administrator" in alert(refused)


def test_a_former_administrator_can_become_one_again_and_then_the_first_can_leave(
    browser: Browser, root: Visitor
) -> None:
    prove(root)
    root.submit(f"{_person(root, KIM)}/grant")
    assert browser("kim").get("/admin/").status_code == 200
    assert root.submit("/profile/delete", current_password=PASSWORD).location == "/"


def test_the_funnel_counts_deleted_accounts_of_the_first_release(root: Visitor) -> None:
    registered = (
        len(FIRST_RELEASE["collections"]["users"])
        - 1
        + len(FIRST_RELEASE["collections"]["departed"])
    )
    day = f"{WRITTEN_ON:%Y-%m-%d}"
    lines = root.get("/admin/funnel.csv", query_string={"by": "day"}).text.splitlines()
    (row,) = (line for line in lines if line.startswith(day))
    assert str(registered) in row.split(",")


# Activity, export and leaving


def test_the_activity_shows_stored_events_and_counted_sign_ins(browser: Browser) -> None:
    page = browser("ada").get("/profile/activity").text
    newest_first = (
        "A link to choose a new password was asked for",
        "Sign-in refused, wrong password (2 times)",
        "downloaded",
        "Signed in",
        "The address was confirmed",
        "The account was registered",
    )
    for words in newest_first:
        assert words in page
    oldest_last = [page.index(words) for words in newest_first[2:]]
    assert oldest_last == sorted(oldest_last)
    assert "Firefox Mobile on Android" in page


def test_the_export_has_the_stored_events(browser: Browser) -> None:
    ada = browser("ada")
    prove(ada)
    data = ada.get("/profile/export").get_json()
    stored = _account_of_first_release(ADA)
    assert data["email"] == ADA
    assert datetime.fromisoformat(data["registered_on"]) == stored["registered_on"]
    assert datetime.fromisoformat(data["confirmed_on"]) == stored["confirmed_on"]
    assert (len(data["sessions"]), data["known_browsers"]) == (2, 2)
    exported = [(event["kind"], event["at"], event["count"]) for event in data["activity"]]
    for event in stored["events"]:
        assert (event["kind"], event["at"].isoformat(), 1) in exported
    counted = {kind: count for kind, _at, count in exported}
    assert (counted["sign_in_refused"], counted["reset_asked"]) == (2, 1)


def test_the_next_sign_in_records_counted_sign_ins_as_events(known_browser: Visitor) -> None:
    known_browser.sign_in(ADA, "a third wrong password")
    known_browser.sign_in(ADA)
    assert "(3 times)" in known_browser.get("/profile/activity").text


# An account from before some fields existed


def test_the_older_account_lacks_newer_fields() -> None:
    later = {"resends", "devices", "admin_version", "email_version"}
    assert not later & _account_of_first_release(OLGA).keys()


def test_the_first_browser_of_the_older_account_sends_no_notice(
    visitor: Visitor, mailbox: Mailbox
) -> None:
    assert visitor.sign_in(OLGA).location == "/"
    assert visitor.get("/profile").status_code == 200
    assert mailbox.subjects(OLGA) == []


def test_the_older_account_changes_its_password(visitor: Visitor, browser: Browser) -> None:
    olga = browser("olga")
    answer = olga.submit("/profile/password", current_password=PASSWORD, password=NEW, confirm=NEW)
    assert answer.location == "/profile"
    assert olga.get("/profile").status_code == 200
    assert visitor.sign_in(OLGA).status_code == 422
    assert visitor.sign_in(OLGA, NEW).location == "/"


def test_the_older_account_changes_its_address(browser: Browser, mailbox: Mailbox) -> None:
    olga = browser("olga")
    olga.submit("/profile/email", email="olga@new.example", current_password=PASSWORD)
    assert olga.submit(mailbox.newest("olga@new.example").link).location == "/profile"
    assert "olga@new.example" in olga.get("/profile").text


def test_the_older_account_is_made_an_administrator_and_disabled(
    browser: Browser, root: Visitor
) -> None:
    olga, path = browser("olga"), _person(root, OLGA)
    prove(root)
    root.submit(f"{path}/grant")
    assert olga.get("/admin/").status_code == 200
    root.submit(f"{path}/disable")
    assert olga.get("/profile").status_code == 302


def test_the_older_account_is_exported(browser: Browser) -> None:
    olga = browser("olga")
    prove(olga)
    data = olga.get("/profile/export").get_json()
    assert (data["email"], data["known_browsers"]) == (OLGA, 0)
    assert {event["kind"] for event in data["activity"]} >= {"registered", "confirmed", "exported"}


def test_the_older_account_is_deleted(app: Flask, browser: Browser, mailbox: Mailbox) -> None:
    olga = browser("olga")
    assert olga.submit("/profile/delete", current_password=PASSWORD).location == "/"
    assert olga.get("/profile").status_code == 302
    assert "deleted" in mailbox.newest(OLGA).subject
    assert _stored(app, _account_of_first_release(OLGA)["_id"]) is None


# On MongoDB itself, which alone counts attempts in a collection, and checks what it stores


def test_limits_of_the_first_release_still_count(make_app: MakeApp, real_uri: str) -> None:
    visitor = Visitor(_with_data_of_first_release(make_app(MONGODB_URI=real_uri)))
    assert visitor.submit("/forgot", email="nobody@example.com").status_code == 429
    assert visitor.submit("/forgot", email=RITA).location == "/login"
