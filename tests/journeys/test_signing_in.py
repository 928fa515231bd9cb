"""Signing in and out, and the lifetime of a session."""

from collections.abc import Callable

import bcrypt
import pytest
import time_machine
from flask import Flask

from app.mongo import users
from app.users.passwords import hash_rounds
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor, alert, errors, soup

NewVisitor = Callable[[], Visitor]
ADA = "ada@example.com"
NOON = "2026-11-24 12:00:00Z"
HOUR, DAY = 3600, 86400


def test_a_person_signs_in_sees_the_profile_and_signs_out(
    confirmed: Visitor, new_visitor: NewVisitor
) -> None:
    visitor = new_visitor()
    answer = visitor.sign_in("ADA@example.com")
    assert (answer.status_code, answer.location) == (302, "/")
    assert visitor.get("/profile").status_code == 200

    answer = visitor.sign_out()
    assert (answer.status_code, answer.location) == (302, "/login")
    assert "signed out" in alert(visitor.get("/login"), "info")
    assert visitor.get("/profile").location == "/login?next=%2Fprofile"


def test_sign_out_invalidates_a_copied_cookie_and_leaves_other_browsers_signed_in(
    confirmed: Visitor, new_visitor: NewVisitor
) -> None:
    """ASVS 7.4.1."""
    phone = new_visitor()
    phone.sign_in(ADA)
    thief = confirmed.copy()
    assert thief.get("/profile").status_code == 200

    confirmed.sign_out()
    assert thief.get("/profile").location == "/login?next=%2Fprofile"
    assert phone.get("/profile").status_code == 200


def test_signing_in_again_replaces_the_session_of_this_browser(
    confirmed: Visitor,
) -> None:
    earlier, before = confirmed.copy(), _session_id(confirmed)
    confirmed.forge("/login", {"email": ADA, "password": PASSWORD})
    assert _session_id(confirmed) != before
    assert confirmed.get("/profile").status_code == 200
    assert earlier.get("/profile").status_code == 302


def test_signing_in_to_another_account_ends_the_session_of_the_first(
    confirmed: Visitor, new_visitor: NewVisitor
) -> None:
    new_visitor().register("bob@example.com")
    earlier = confirmed.copy()
    answer = confirmed.forge("/login", {"email": "bob@example.com", "password": PASSWORD})
    assert answer.location == "/unconfirmed"
    assert earlier.get("/profile").status_code == 302


def test_the_server_ends_a_session_after_twelve_idle_hours(
    confirmed: Visitor, new_visitor: NewVisitor
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        visitor = new_visitor()
        visitor.sign_in(ADA)
        clock.shift(12 * HOUR - 1)
        assert visitor.get("/profile").status_code == 200
        clock.shift(12 * HOUR - 1)
        assert visitor.get("/profile").status_code == 200, "the visit extends the session"
        clock.shift(12 * HOUR)
        _renew_cookie(visitor)
        assert visitor.get("/profile").status_code == 302


def test_a_session_in_daily_use_ends_after_thirty_days(
    confirmed: Visitor, new_visitor: NewVisitor
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        visitor = new_visitor()
        visitor.sign_in(ADA)
        for _visit in range(59):
            clock.shift(12 * HOUR - 1)
            assert visitor.get("/profile").status_code == 200
            _renew_cookie(visitor)
        clock.shift(12 * HOUR - 1)
        assert visitor.get("/profile").status_code == 200, "a minute is left"
        clock.shift(60)
        assert visitor.get("/profile").status_code == 302


def test_a_kept_session_ends_after_thirty_days_on_the_server(
    confirmed: Visitor, new_visitor: NewVisitor
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        visitor = new_visitor()
        visitor.sign_in(ADA, remember="y")
        clock.shift(30 * DAY - 1)
        assert visitor.get("/profile").status_code == 200
        _renew_cookie(visitor)
        clock.shift(1)
        assert visitor.get("/profile").status_code == 302


@pytest.mark.parametrize("remember", [True, False])
def test_the_session_cookie_outlives_the_browser_only_with_keep_me_signed_in(
    confirmed: Visitor, new_visitor: NewVisitor, remember: bool
) -> None:
    answer = new_visitor().sign_in(ADA, **({"remember": "y"} if remember else {}))
    (cookie,) = [
        cookie for cookie in answer.headers.getlist("Set-Cookie") if cookie.startswith("session=")
    ]
    assert ("Expires=" in cookie) is remember


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    confirmed: Visitor, visitor: Visitor, new_visitor: NewVisitor
) -> None:
    new_visitor().register("bob@example.com")
    pages = set()
    with time_machine.travel(NOON, tick=False):  # a CSRF token contains the time
        for email in (ADA, "bob@example.com", "eve@example.com"):
            refused = visitor.sign_in(email, "not the password")
            assert refused.status_code == 422
            assert "do not match" in alert(refused, "danger")
            assert "not the password" not in refused.text
            pages.add(refused.text.replace(email, "…"))
    assert len(pages) == 1, "the answer must not show who has an account"


@pytest.mark.parametrize("missing", ["email", "password"])
def test_an_incomplete_form_says_what_is_missing(visitor: Visitor, missing: str) -> None:
    filled = {"email": ADA, "password": PASSWORD, missing: ""}
    refused = visitor.submit("/login", **filled)
    assert refused.status_code == 422
    assert set(errors(refused)) == {missing}


def test_an_unconfirmed_person_lands_on_the_waiting_page(
    visitor: Visitor, new_visitor: NewVisitor
) -> None:
    new_visitor().register(ADA)
    visitor.get("/profile")
    answer = visitor.submit("/login?next=%2Fprofile", email=ADA, password=PASSWORD)
    assert answer.location == "/unconfirmed"
    assert visitor.get("/profile").location == "/unconfirmed"


def test_signing_in_leads_to_the_page_that_was_asked_for(
    confirmed: Visitor, visitor: Visitor
) -> None:
    sign_in_page = visitor.get("/profile").location
    assert "Sign in to see" in alert(visitor.get(sign_in_page), "info")
    refused = visitor.submit(sign_in_page, email=ADA, password="a slip of the finger")
    assert refused.status_code == 422
    answer = visitor.submit(sign_in_page, email=ADA, password=PASSWORD)
    assert answer.location == "/profile"
    assert visitor.get("/login?next=/profile").location == "/profile", "signed in already"


@pytest.mark.parametrize("email", [ADA, "unconfirmed@example.com", "unknown@example.com"])
@pytest.mark.parametrize("password", [PASSWORD, "not the password"])
def test_every_sign_in_attempt_computes_one_hash(
    confirmed: Visitor,
    visitor: Visitor,
    new_visitor: NewVisitor,
    monkeypatch: pytest.MonkeyPatch,
    email: str,
    password: str,
) -> None:
    new_visitor().register("unconfirmed@example.com")
    hashes = _spy_on_bcrypt(monkeypatch)
    visitor.sign_in(email, password)
    assert hashes == ["checkpw"]


def test_a_sign_in_stores_a_stronger_hash_after_the_cost_was_raised(
    app: Flask,
    confirmed: Visitor,
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app.config["BCRYPT_LOG_ROUNDS"] = 5
    hashes = _spy_on_bcrypt(monkeypatch)
    assert visitor.sign_in(ADA, "not the password").status_code == 422
    assert _rounds(app) == 4, "a wrong password stores no hash"
    assert visitor.sign_in(ADA).status_code == 302
    assert _rounds(app) == 5
    assert hashes == ["checkpw", "checkpw", "hashpw"]

    visitor.sign_out()
    assert visitor.sign_in(ADA).status_code == 302, "the password is still the same"
    app.config["BCRYPT_LOG_ROUNDS"] = 4
    visitor.sign_out()
    visitor.sign_in(ADA)
    assert _rounds(app) == 5, "a lower cost never weakens a hash"


def test_the_navigation_matches_the_state_of_the_account(
    visitor: Visitor, mailbox: Mailbox
) -> None:
    assert _navigation(visitor) == ["Sign up", "Sign in"]
    visitor.register(ADA)
    assert _navigation(visitor) == ["Confirm", "Sign out"]
    visitor.submit(mailbox.newest(ADA).link)
    assert _navigation(visitor) == ["Profile", "Sign out"]
    visitor.sign_out()
    assert _navigation(visitor) == ["Sign up", "Sign in"]


def _session_id(visitor: Visitor) -> str:
    return str(visitor.cookie()["_user_id"]).partition(".")[2]


def _renew_cookie(visitor: Visitor) -> None:
    """Renews the cookie, so that only the server can see that the session is old."""
    with visitor.client.session_transaction() as session:
        session.modified = True


def _spy_on_bcrypt(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records the name of each bcrypt function that is called."""
    calls: list[str] = []

    def spy(name: str) -> None:
        real: Callable[..., object] = getattr(bcrypt, name)

        def noted(*args: object) -> object:
            calls.append(name)
            return real(*args)

        monkeypatch.setattr(bcrypt, name, noted)

    spy("checkpw")
    spy("hashpw")
    return calls


def _rounds(app: Flask) -> int:
    with app.app_context():
        user = users.find_by_email(ADA)
        assert user is not None
        return hash_rounds(user.password_hash)


def _navigation(visitor: Visitor) -> list[str]:
    found = soup(visitor.get("/")).select("nav .lk-nav-link")
    return [link.get_text(strip=True) for link in found]
