"""The waiting page: the code, a wrong address, and a link that came too late."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from app.mail.worker import Worker
from tests.conftest import MakeApp
from tests.mailbox import Mail, Mailbox
from tests.visitor import PASSWORD, Visitor, alert, errors, soup

EMAIL = "ada@example.com"
NewVisitor = Callable[[], Visitor]


def _code(mail: Mail) -> str:
    (code,) = set(re.findall(r"\b(\d{3} \d{3})\b", mail.text))
    assert code in mail.html
    return str(code)


def _send_code(visitor: Visitor, code: str) -> str:
    """Sends a code; returns the error of the field, or an empty text if the code was right."""
    answer = visitor.submit("/unconfirmed/code", on="/unconfirmed", code=code)
    if answer.status_code == 302:
        assert answer.location == "/"
        return ""
    assert answer.status_code == 422
    return errors(answer)["code"]


def _wrong(code: str) -> str:
    return f"{(int(code.replace(' ', '')) + 1) % 10**6:06}"


@pytest.mark.parametrize(
    "spelling",
    ["{0} {1}", "{0}{1}", " {0}-{1} ", "Your code is {0} {1}.", "\u2068{0}\u200b{1}\u2069"],
)
def test_the_code_confirms_the_address(visitor: Visitor, mailbox: Mailbox, spelling: str) -> None:
    visitor.register(EMAIL)
    assert _send_code(visitor, spelling.format(*_code(mailbox.newest(EMAIL)).split())) == ""
    assert visitor.get("/profile").status_code == 200


def test_two_codes_at_once_are_refused_and_cost_no_try(visitor: Visitor, mailbox: Mailbox) -> None:
    visitor.register(EMAIL)
    code = _code(mailbox.newest(EMAIL))
    for _try in range(6):
        assert "more than one code" in _send_code(visitor, f"{code} 123456")
    assert _send_code(visitor, code) == ""


def test_after_five_wrong_codes_a_new_mail_is_needed(make_app: MakeApp) -> None:
    app = make_app(RESEND_COOLDOWN="0")
    visitor, mailbox = _visitor_and_mailbox(app)
    visitor.register(EMAIL)
    code = _code(mailbox.newest(EMAIL))
    messages = [_send_code(visitor, _wrong(code)) for _try in range(5)]
    assert "4 tries left" in messages[0]
    assert "one try left" in messages[3]
    assert "new mail" in messages[4]
    visitor.submit("/resend", on="/unconfirmed")
    assert _send_code(visitor, code) != "", "the older code no longer works"
    assert _send_code(visitor, _code(mailbox.newest(EMAIL))) == ""


def test_after_ten_wrong_codes_only_the_link_works(make_app: MakeApp) -> None:
    app = make_app(RESEND_COOLDOWN="0")
    visitor, mailbox = _visitor_and_mailbox(app)
    visitor.register(EMAIL)
    for _mail in range(2):
        code = _code(mailbox.newest(EMAIL))
        messages = [_send_code(visitor, _wrong(code)) for _try in range(5)]
        visitor.submit("/resend", on="/unconfirmed")
    assert "link" in messages[-1]
    page = visitor.get("/unconfirmed")
    assert soup(page).find("input", {"name": "code"}) is None
    assert visitor.submit(mailbox.newest(EMAIL).link).location == "/"


def test_a_code_expires_together_with_its_link(visitor: Visitor, mailbox: Mailbox) -> None:
    with time_machine.travel("2030-01-01 12:00:00Z", tick=False) as clock:
        visitor.register(EMAIL)
        code = _code(mailbox.newest(EMAIL))
        clock.shift(3601)
        assert "expired" in _send_code(visitor, code)


def test_wrong_codes_get_the_same_answers_for_a_taken_and_a_new_address(
    visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    """The code field does not show who has an account."""
    visitor.register(EMAIL)
    visitor.submit(mailbox.newest(EMAIL).link)
    stranger, newcomer = new_visitor(), new_visitor()
    stranger.register(EMAIL, "a stranger's guess")
    newcomer.register("eve@example.com", "a stranger's guess")
    wrong = _wrong(_code(mailbox.newest("eve@example.com")))
    for _try in range(5):
        assert _send_code(stranger, wrong) == _send_code(newcomer, wrong)


def test_a_mistyped_address_can_be_corrected(visitor: Visitor, new_visitor: NewVisitor) -> None:
    visitor.register("ada@gmial.com")
    assert "ada@gmail.com" in visitor.get("/unconfirmed").text, "the likely address"
    answer = visitor.submit("/unconfirmed/start-over", on="/unconfirmed")
    assert answer.location == "/register"
    field = soup(visitor.get("/register")).find("input", {"name": "email"})
    assert field
    assert field["value"] == "ada@gmial.com"
    assert new_visitor().sign_in("ada@gmial.com").status_code == 422, "the account is removed"
    assert visitor.register("ada@gmail.com").location == "/unconfirmed"


@pytest.mark.parametrize("why", ["expired", "superseded"])
def test_the_page_of_a_link_that_came_too_late_sends_a_new_one(make_app: MakeApp, why: str) -> None:
    """It works on another device, without signing in or typing the address again."""
    app = make_app(RESEND_COOLDOWN="60")
    visitor, mailbox = _visitor_and_mailbox(app)
    with time_machine.travel("2030-01-01 12:00:00Z", tick=False) as clock:
        visitor.register(EMAIL)
        late = mailbox.newest(EMAIL).link
        clock.shift(3601)
        if why == "superseded":
            visitor.submit("/resend", on="/unconfirmed")
            mailbox.all()
            clock.shift(61)
        phone = Visitor(app)
        assert why == "superseded" or "expired" in phone.get(late).text
        assert phone.submit(f"{late}/again", on=late).location == "/"
        assert EMAIL in alert(phone.get("/"), "success")
        too_soon = phone.submit(f"{late}/again", on=late)
        assert too_soon.status_code == 429
        assert too_soon.headers["Retry-After"] == "60"
        link = mailbox.newest(EMAIL).link
        assert phone.submit(link, password=PASSWORD).location == "/"


def test_the_link_of_a_removed_account_leads_to_the_registration_form_with_its_address(
    visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    visitor.register(EMAIL)
    link = mailbox.newest(EMAIL).link
    visitor.submit("/unconfirmed/start-over", on="/unconfirmed")
    phone = new_visitor()
    assert phone.get(link).status_code == 410
    assert phone.submit(f"{link}/again", on=link).location == "/register"
    field = soup(phone.get("/register")).find("input", {"name": "email"})
    assert field
    assert field["value"] == EMAIL


def test_a_reminder_with_a_new_link_is_sent_on_the_last_day(make_app: MakeApp) -> None:
    app = make_app()
    with time_machine.travel("2030-01-01 12:00:00Z", tick=False) as clock:
        visitor, mailbox = _visitor_and_mailbox(app)
        visitor.register(EMAIL)
        older = mailbox.newest(EMAIL).link
        clock.shift(timedelta(days=6))
        reminder = mailbox.newest(EMAIL)
        assert "reminder" in reminder.subject.lower()
        clock.shift(timedelta(minutes=2))
        assert len(mailbox.subjects(EMAIL)) == 2, "only one reminder"
        phone = Visitor(app)
        assert phone.get(older).status_code == 410
        assert phone.submit(reminder.link, password=PASSWORD).location == "/"


def test_advice_on_an_address_never_prevents_a_registration(visitor: Visitor) -> None:
    token = soup(visitor.get("/register")).find("input", {"name": "csrf_token"})
    assert token

    def advice(email: str) -> str | None:
        data = {"csrf_token": str(token["value"]), "email": email}
        answer = visitor.client.post("/register/advice", data=data)
        assert answer.status_code == 200
        suggestion: str | None = answer.get_json()["suggestion"]
        return suggestion

    assert advice("Ada@gmial.com") == "Ada@gmail.com"
    assert advice("mailto:ada@example.com") == "ada@example.com"
    for right in ("ada@gmail.com", "ada@mail.com", "ada@example.org", "no address", ""):
        assert advice(right) is None
    assert visitor.register("ada@gmial.com").location == "/unconfirmed"


def _visitor_and_mailbox(app: Flask) -> tuple[Visitor, Mailbox]:
    return Visitor(app), Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"]))


def test_the_link_of_a_removed_account_signs_no_one_out(
    visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    visitor.register(EMAIL)
    link = mailbox.newest(EMAIL).link
    visitor.submit("/unconfirmed/start-over", on="/unconfirmed")
    other = new_visitor()
    other.register("bob@example.com")
    other.submit(f"{link}/again", on=link)
    assert "bob@example.com" in other.get("/unconfirmed").text
