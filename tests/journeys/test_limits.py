"""Rate limits: how often a browser, an account, a client or a mailbox may be used."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
import time_machine
from flask import Flask
from limits.storage import MemoryStorage
from werkzeug.test import TestResponse

from app.mail.worker import Worker
from app.users.clock import utcnow
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, alert, soup
from tests.web.pages import assert_our_page

ADA = "ada@example.com"
WRONG = "a wrong password here"
NEW = {"password": "another fine long password", "confirm": "another fine long password"}


def tries(visitor: Visitor, times: int, email: str = ADA) -> list[int]:
    return [visitor.sign_in(email, WRONG).status_code for _ in range(times)]


def at(visitor: Visitor, address: str) -> Visitor:
    """Moves the browser to another client address."""
    visitor.client.environ_base["REMOTE_ADDR"] = address
    return visitor


@pytest.mark.usefixtures("confirmed")
def test_after_ten_wrong_passwords_a_page_says_how_long_to_wait(
    visitor: Visitor,
) -> None:
    assert tries(visitor, 10) == [422] * 10
    page = visitor.sign_in(ADA, WRONG)
    assert_our_page(page, 429)
    assert 890 <= int(page.headers["Retry-After"]) <= 900
    assert "try again in 15 minutes" in alert(page)
    assert 'href="/forgot"' in page.text
    assert WRONG not in page.text


@pytest.mark.usefixtures("confirmed")
def test_at_the_limit_the_right_password_is_refused_until_the_wait_is_over(
    visitor: Visitor,
) -> None:
    with time_machine.travel(utcnow(), tick=False) as clock:
        tries(visitor, 10)
        page = visitor.sign_in(ADA)
        assert page.status_code == 429
        clock.shift(int(page.headers["Retry-After"]) + 1)
        assert visitor.sign_in(ADA).location == "/"


def test_a_stranger_cannot_lock_out_a_known_browser(confirmed: Visitor, visitor: Visitor) -> None:
    confirmed.sign_out()
    assert 429 in tries(visitor, 20)
    assert confirmed.sign_in(ADA, WRONG).status_code == 422
    assert confirmed.sign_in(ADA).location == "/"


@pytest.mark.usefixtures("confirmed")
def test_the_owner_can_sign_in_after_a_reset_while_a_stranger_is_at_the_limit(
    visitor: Visitor, mailbox: Mailbox
) -> None:
    assert 429 in tries(visitor, 20)
    visitor.submit("/forgot", email=ADA)
    assert visitor.submit(mailbox.newest(ADA).link, **NEW).status_code == 302
    assert visitor.sign_in(ADA, NEW["password"]).location == "/"


def test_a_known_browser_has_a_limit_too(make_app: MakeApp) -> None:
    ada = Visitor(make_app(RATELIMIT_DEVICE="5 per minute"))
    ada.register(ADA)
    ada.sign_out()
    assert tries(ada, 6) == [422] * 5 + [429]


@pytest.mark.usefixtures("confirmed")
def test_a_successful_sign_in_does_not_count_towards_the_limit(
    new_visitor: Callable[[], Visitor],
) -> None:
    """Many new browsers of the owner are not an attack."""
    assert {new_visitor().sign_in(ADA).status_code for _ in range(15)} == {302}


def test_the_account_limit_covers_all_networks_and_unknown_addresses_alike(
    confirmed: Visitor, new_visitor: Callable[[], Visitor]
) -> None:
    answers = {}
    for email in (ADA, "nobody@example.com"):
        answers[email] = [
            at(new_visitor(), f"192.0.2.{number}").sign_in(email, WRONG).status_code
            for number in range(12)
        ]
    assert answers[ADA] == answers["nobody@example.com"] == [422] * 10 + [429] * 2


def test_at_the_limit_the_form_comes_back_as_it_was_filled_in(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_CLIENT="1 per minute", RATELIMIT_REGISTER="1 per minute")
    visitor = Visitor(app)
    for path, on_time in {
        "/login": {"email": ADA, "password": WRONG},
        "/register": {"email": ADA, **NEW},
        "/forgot": {"email": ADA},
    }.items():
        fields = on_time | {"email": "Somebody.Else@example.com"}
        Visitor(app).submit(path, **on_time)
        page = visitor.submit(path, **fields)
        assert_our_page(page, 429)
        assert 0 < int(page.headers["Retry-After"]) <= 60
        assert "You can try again in" in alert(page, "warning")
        field = soup(page).select_one("input[name=email]")
        assert field
        assert field["value"] == "Somebody.Else@example.com"
        assert not any(value in page.text for value in (WRONG, NEW["password"]))


def test_at_the_limit_of_codes_the_page_that_waits_comes_back(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(RATELIMIT_ACCOUNT="1 per hour"))
    visitor.register(ADA)
    codes = [visitor.submit("/unconfirmed/code", on="/unconfirmed", code=c) for c in ("1" * 6,) * 2]
    assert_our_page(codes[1], 429)
    assert "Use the link in the newest mail instead" in alert(codes[1])
    assert soup(codes[1]).select("form[action='/unconfirmed/code'], form[action='/resend']")


def test_one_network_cannot_try_many_accounts(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(RATELIMIT_CLIENT="5 per minute"))
    answers = [visitor.sign_in(f"{n}@example.com", WRONG).status_code for n in range(7)]
    assert answers == [422] * 5 + [429] * 2
    assert at(visitor, "192.0.2.1").sign_in("8@example.com", WRONG).status_code == 422


def test_an_ipv6_network_counts_as_one_client(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(RATELIMIT_CLIENT="3 per minute"))
    answers = [
        at(visitor, f"2001:db8:1:1::{n}").sign_in(f"{n}@example.com", WRONG).status_code
        for n in range(4)
    ]
    assert answers == [422] * 3 + [429]
    assert at(visitor, "2001:db8:1:2::1").sign_in(ADA, WRONG).status_code == 422


@pytest.mark.parametrize(("proxies", "last"), [("0", 429), ("1", 422)])
def test_x_forwarded_for_is_used_only_behind_a_trusted_proxy(
    make_app: MakeApp, proxies: str, last: int
) -> None:
    visitor = Visitor(make_app(RATELIMIT_CLIENT="2 per minute", TRUSTED_PROXIES=proxies))
    for number in range(3):
        visitor.client.environ_base["HTTP_X_FORWARDED_FOR"] = f"192.0.2.{number}"
        answer = visitor.sign_in(f"{number}@example.com", WRONG)
    assert answer.status_code == last


@pytest.mark.usefixtures("confirmed")
@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
def test_mail_to_one_address_is_limited_across_all_clients(
    new_visitor: Callable[[], Visitor], email: str
) -> None:
    answers = [
        at(new_visitor(), f"192.0.2.{number}").submit("/forgot", email=email)
        for number in range(12)
    ]
    assert [answer.status_code for answer in answers] == [302] * 10 + [429] * 2
    assert "the newest mail works" in alert(answers[-1]).lower()


@pytest.mark.usefixtures("confirmed")
def test_only_resets_count_towards_the_limit_of_resets(
    new_visitor: Callable[[], Visitor], administrator: Visitor
) -> None:
    """Otherwise a stranger could lock out an owner who has no known browser."""
    stranger, owner = new_visitor(), new_visitor()
    assert 429 in tries(stranger, 20)
    assert 429 in [new_visitor().register(ADA).status_code for _ in range(12)]
    fields = {"email": ADA, "current_password": WRONG}
    assert 429 in [administrator.submit("/profile/email", **fields).status_code for _ in range(12)]
    assert owner.sign_in(ADA).status_code == 429
    assert owner.submit("/forgot", email=ADA).location == "/login"


def test_starting_over_does_not_give_unlimited_new_codes(visitor: Visitor) -> None:
    statuses = []
    for _ in range(12):
        statuses.append(visitor.register(ADA).status_code)
        if statuses[-1] == 302:
            visitor.submit("/unconfirmed/start-over", on="/unconfirmed")
    assert statuses == [302] * 10 + [429] * 2


def test_wrong_codes_are_counted_per_address_across_registrations(
    make_app: MakeApp,
) -> None:
    visitor, answers = Visitor(make_app(RATELIMIT_ACCOUNT="4 per hour")), []
    for _ in range(2):
        visitor.register(ADA)
        for _try in range(3):
            answers.append(visitor.submit("/unconfirmed/code", on="/unconfirmed", code="000000"))
        visitor.submit("/unconfirmed/start-over", on="/unconfirmed")
    assert [answer.status_code for answer in answers] == [422] * 4 + [429] * 2


def test_a_resend_and_a_change_of_address_count_as_mails(
    make_app: MakeApp, confirmed: Visitor
) -> None:
    app = make_app(RATELIMIT_MAIL="2 per hour", RESEND_COOLDOWN="0")
    bob = Visitor(app)
    bob.register("bob@example.com")
    resends = [bob.submit("/resend", on="/unconfirmed").status_code for _ in range(2)]
    assert resends == [302, 429]
    for _ in range(11):
        answer = confirmed.submit(
            "/profile/email", email="new@example.com", current_password=PASSWORD
        )
    assert answer.status_code == 429


@pytest.mark.parametrize(
    "send",
    [
        lambda v: v.submit("/profile/password", current_password=WRONG, **NEW),
        lambda v: v.submit("/profile/email", current_password=WRONG, email="new@example.com"),
        lambda v: v.submit("/profile/delete", current_password=WRONG),
    ],
    ids=["password", "email", "delete"],
)
def test_a_signed_in_browser_cannot_try_unlimited_passwords(
    make_app: MakeApp, send: Callable[[Visitor], TestResponse]
) -> None:
    app = make_app(RATELIMIT_DEVICE="4 per hour", RATELIMIT_MAIL="9 per hour")
    ada, mailbox = Visitor(app), Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"]))
    ada.register(ADA)
    ada.submit(mailbox.newest(ADA).link)
    assert [send(ada).status_code for _ in range(5)] == [422] * 4 + [429]


def test_a_password_on_the_page_of_a_link_counts_like_a_sign_in(
    visitor: Visitor, new_visitor: Callable[[], Visitor], mailbox: Mailbox
) -> None:
    visitor.register(ADA)
    link, stranger = mailbox.newest(ADA).link, new_visitor()
    assert [stranger.submit(link, password=WRONG).status_code for _ in range(10)] == [422] * 10
    assert stranger.submit(link, password=WRONG).status_code == 429
    assert stranger.sign_in(ADA).status_code == 429


def test_registrations_from_one_network_are_limited(make_app: MakeApp) -> None:
    app = make_app(RATELIMIT_REGISTER="3 per hour")
    answers = [Visitor(app).register(f"{n}@example.com").status_code for n in range(4)]
    assert answers == [302] * 3 + [429]


def test_limits_can_be_turned_off(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(RATELIMIT_ENABLED="false"))
    assert tries(visitor, 15) == [422] * 15


class StorageError(Exception):
    """The error of a storage library, such as redis.RedisError."""


class UnreachableStorage(MemoryStorage):
    """A storage that does not answer."""

    STORAGE_SCHEME = ["unreachable"]  # noqa: RUF012 (the library declares no ClassVar)
    error: ClassVar[Exception]

    @property
    def base_exceptions(self) -> type[Exception]:
        return StorageError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        raise self.error


@pytest.mark.parametrize("error", [StorageError(), ConnectionRefusedError(), TimeoutError()])
def test_forms_are_refused_while_the_storage_of_limits_is_unreachable(
    app: Flask, visitor: Visitor, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UnreachableStorage, "error", error, raising=False)
    app.config["RATELIMIT_STORAGE_URI"] = "unreachable://"
    page = visitor.sign_in(ADA, WRONG)
    assert_our_page(page, 503)
    assert int(page.headers["Retry-After"]) > 0
