"""The development mailbox, which shows mails while no mail server is set."""

from pathlib import Path

import pytest
from flask import Flask

import config
from app import create_app
from app.mail.worker import Worker
from tests.mailbox import Mailbox
from tests.visitor import Visitor, soup
from tests.web.pages import PRODUCTION

ADA = "ada@example.com"


@pytest.fixture
def developer(development: Flask) -> Visitor:
    """A developer who tries the app on a local machine."""
    return Visitor(development)


@pytest.fixture
def sent(development: Flask) -> Mailbox:
    """The mails in the folder of the development app."""
    return Mailbox(Worker(development), Path(development.config["MAIL_FOLDER"]))


def test_an_empty_mailbox_says_what_to_do(developer: Visitor) -> None:
    page = developer.page("/dev/mail")
    assert "No mail yet" in page.text
    assert page.select_one("main a[href='/register']")


def test_a_mail_is_shown_with_both_its_parts_and_its_link_works(
    developer: Visitor, sent: Mailbox
) -> None:
    developer.register(ADA)
    link = sent.newest(ADA).link
    page = developer.page("/dev/mail")
    assert ADA in page.text
    assert "Confirm your address" in page.text
    text_link = page.select_one(f'pre a[href$="{link}"]')
    assert text_link, "the text part is shown with its link"

    frame = page.select_one("iframe[sandbox]")
    assert frame is not None
    assert "allow-scripts" not in str(frame["sandbox"])
    html = developer.get(str(frame["src"]))
    assert html.status_code == 200
    assert soup(html).select_one(f'a[href$="{link}"]'), "the HTML part is shown with its link"
    assert "script-src" not in html.headers["Content-Security-Policy"]
    assert "default-src 'none'" in html.headers["Content-Security-Policy"]

    assert developer.submit(link).location == "/"


def test_the_newest_mail_comes_first(developer: Visitor, sent: Mailbox) -> None:
    for email in (ADA, "bob@example.com"):
        developer.register(email)
        sent.newest(email)
    summaries = [summary.text for summary in developer.page("/dev/mail").select("summary")]
    (newest, oldest) = [text for text in summaries if "example.com" in text]
    assert "bob@example.com" in newest
    assert ADA in oldest


def test_what_a_mail_says_is_shown_as_text(developer: Visitor, sent: Mailbox) -> None:
    developer.app.config["APP_NAME"] = "<script>alert(1)</script>"
    developer.register(ADA)
    sent.newest(ADA)
    assert not [tag for tag in developer.page("/dev/mail").find_all("script") if tag.string]


def test_no_other_file_can_be_read(developer: Visitor, sent: Mailbox) -> None:
    developer.register(ADA)
    sent.newest(ADA)
    for mail_id in ("..", "%2e%2e", "..%2f..%2fsecret_key", "*", "none", "%00"):
        assert developer.get(f"/dev/mail/{mail_id}/html").status_code == 404, mail_id


def test_pages_link_to_the_development_mailbox(developer: Visitor) -> None:
    assert developer.page("/").select_one("a[href='/dev/mail']")


def test_production_and_tests_have_no_development_mailbox(visitor: Visitor) -> None:
    production = Visitor(create_app(config.load(PRODUCTION)))
    for person in (visitor, production):
        assert person.get("/dev/mail").status_code == 404
        assert not person.page("/").select_one("a[href='/dev/mail']")


def test_mail_goes_to_the_server_when_one_is_set() -> None:
    settings = config.load(
        PRODUCTION
        | {
            "APP_SETTINGS": "config.DevelopmentConfig",
            "MONGODB_URI": "mongomock://localhost/latchkey",
        }
    )
    assert settings.MAIL_FOLDER is None
