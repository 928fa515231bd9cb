"""Dangerous steps need a proof of identity that is not older than ten minutes."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from app.mongo import current_mongo, users
from app.users.clock import utcnow
from app.web.challenges import _KEY as CHALLENGE
from tests.authenticator import AuthenticatorApp
from tests.conftest import MakeApp
from tests.journeys.conftest import EMAIL
from tests.journeys.factors import (
    CODES,
    PASSKEYS,
    SECURITY,
    TOTP,
    add_app,
    add_passkey,
    codes_on,
    passkey_paths,
)
from tests.software_authenticator import SoftwareAuthenticator
from tests.visitor import PASSWORD, Visitor, administrator_of, alert, errors
from tests.web.pages import assert_our_page, documents

LATER = timedelta(minutes=10, seconds=1)


@pytest.fixture
def later(ada: Visitor) -> Iterator[time_machine.Traveller]:
    """Ten minutes after the sign-in, so that it is no proof any more."""
    with time_machine.travel(utcnow() + LATER) as traveller:
        yield traveller


def asks_for_proof(answer: TestResponse) -> str:
    """The page that /reauth leads back to; fails unless the answer leads to /reauth."""
    assert answer.status_code == 302, answer.text[:200]
    where = urlsplit(str(answer.location))
    assert where.path == "/reauth"
    return parse_qs(where.query)["next"][0]


def request_options(visitor: Visitor) -> dict[str, object]:
    """Options for `navigator.credentials.get`. Their challenge is in the visitor's cookie."""
    options: dict[str, object] = json.loads(visitor.get("/login/passkey/options").text)
    return options


def prove_with_passkey(visitor: Visitor, key: SoftwareAuthenticator, page: str) -> TestResponse:
    """Fills in the form as the script does."""
    data = visitor.fill("/reauth", on=f"/reauth?next={page}", credential="x")
    answer = key.get(request_options(visitor))
    return visitor.client.post("/reauth", data=data | {"credential": answer})


# What needs a proof


@pytest.mark.parametrize("path", [TOTP, "/profile/export"])
@pytest.mark.usefixtures("later")
def test_a_page_that_needs_a_proof_asks_and_then_goes_on(ada: Visitor, path: str) -> None:
    before = documents(ada.app)
    for answer in (ada.get(path), ada.client.head(path)):
        assert asks_for_proof(answer) == path
    assert documents(ada.app)[0]["events"] == before[0]["events"]
    done = ada.submit("/reauth", on=f"/reauth?next={path}", current_password=PASSWORD)
    assert done.location == path
    assert ada.get(path).status_code == 200


def test_a_sign_in_is_a_proof_for_ten_minutes(ada: Visitor) -> None:
    start = utcnow()
    with time_machine.travel(start + timedelta(minutes=9, seconds=55)):
        assert ada.get("/profile/export").status_code == 200
    with time_machine.travel(start + LATER):
        assert asks_for_proof(ada.get("/profile/export")) == "/profile/export"


def test_a_proof_belongs_to_one_session(ada: Visitor, new_visitor: Callable[[], Visitor]) -> None:
    elsewhere = new_visitor()
    elsewhere.sign_in(EMAIL)
    with time_machine.travel(utcnow() + LATER):
        ada.submit("/reauth", current_password=PASSWORD)
        assert ada.get("/profile/export").status_code == 200
        assert asks_for_proof(elsewhere.get("/profile/export"))


def test_every_step_about_factors_needs_a_proof(ada: Visitor) -> None:
    app, _answer = add_app(ada)
    add_passkey(ada)
    (remove,) = passkey_paths(ada.page(SECURITY), "remove")
    before = documents(ada.app)
    with time_machine.travel(utcnow() + LATER):
        assert asks_for_proof(ada.get(CODES)) == CODES
        assert asks_for_proof(ada.get(TOTP)) == TOTP
        assert asks_for_proof(ada.forge(CODES)) == CODES
        for path in (f"{TOTP}/remove", remove, PASSKEYS):
            assert asks_for_proof(ada.forge(path)) == SECURITY
        refused = ada.get(f"{PASSKEYS}/options")
        assert (refused.status_code, refused.mimetype) == (403, "application/json")
        assert json.loads(refused.text)["reauth"] == "/reauth?next=%2Fprofile%2Fsecurity"
        assert "challenge" not in ada.cookie()
        # The page itself only shows names and times.
        assert ada.get(SECURITY).status_code == 200
        after = documents(ada.app)
        assert [a["sessions"][0].pop("seen_on") for a in (*before, *after)]
        assert after == before
        assert ada.submit("/reauth", code=app.code()).location == "/"
        assert ada.get(CODES).status_code == 200


def test_every_action_of_an_administrator_on_a_person_needs_a_proof(
    ada: Visitor, administrator: Visitor
) -> None:
    (account,) = [a for a in documents(ada.app) if a["email"] == EMAIL]
    person = f"/admin/people/{account['_id']}"
    with time_machine.travel(utcnow() + LATER):
        for name in ("reset", "sessions", "grant", "disable", "delete"):
            assert asks_for_proof(administrator.get(f"{person}/{name}")) == f"{person}/{name}"
            assert asks_for_proof(administrator.forge(f"{person}/{name}")) == f"{person}/{name}"
        assert asks_for_proof(administrator.forge(f"/admin/mail/{account['_id']}/x/retry"))
        assert administrator.get(person).status_code == 200
        (after,) = [a for a in documents(ada.app) if a["email"] == EMAIL]
        assert after == account
        administrator.submit("/reauth", current_password=PASSWORD)
        assert administrator.submit(f"{person}/disable").location == person


# What counts as a proof


@pytest.mark.usefixtures("later")
def test_a_wrong_password_is_refused_beside_the_field(ada: Visitor) -> None:
    for password in ("not this one", ""):
        answer = ada.submit("/reauth?next=/profile", current_password=password)
        assert_our_page(answer, 422)
        assert "not the password" in errors(answer)["current_password"]
        assert "not this one" not in answer.text
    assert asks_for_proof(ada.get("/profile/export"))


def test_a_password_is_no_proof_where_the_account_has_a_second_factor(ada: Visitor) -> None:
    """This session was signed in before there was one."""
    app, _answer = add_app(ada)
    with time_machine.travel(utcnow() + LATER):
        page = ada.page("/reauth")
        assert not page.select("[name=current_password]")
        answer = ada.forge("/reauth", {"current_password": PASSWORD})
        assert_our_page(answer, 422)
        assert "not enough" in errors(answer)["code"]
        assert asks_for_proof(ada.get(CODES))
        wrong = ada.submit("/reauth", code="000000")
        assert_our_page(wrong, 422)
        assert "wrong" in errors(wrong)["code"]
        assert ada.submit("/reauth?next=" + CODES, code=app.code()).location == CODES


def test_where_the_session_was_signed_in_with_a_second_factor_the_password_counts(
    ada: Visitor,
) -> None:
    app, _answer = add_app(ada)
    sign_in_with_factor(ada, app, EMAIL)
    with time_machine.travel(utcnow() + LATER):
        assert asks_for_proof(ada.get(CODES))
        assert ada.submit("/reauth", current_password=PASSWORD).location == "/"
        assert ada.get(CODES).status_code == 200


def sign_in_with_factor(visitor: Visitor, app: AuthenticatorApp, email: str) -> None:
    """Signs out, and in again with a later code than the one that set the app up."""
    visitor.sign_out()
    assert visitor.sign_in(email).location == "/login/second"
    assert visitor.submit("/login/second", code=app.code(steps=1)).location == "/"


def test_a_new_password_keeps_what_the_session_was_signed_in_with(ada: Visitor) -> None:
    app, _answer = add_app(ada)
    sign_in_with_factor(ada, app, EMAIL)
    new = "another fine long password"
    fields = {"current_password": PASSWORD, "password": new, "confirm": new}
    assert ada.submit("/profile/password", **fields).location == "/profile"
    with time_machine.travel(utcnow() + LATER):
        assert ada.submit("/reauth", current_password=new).location == "/"


def test_a_new_password_is_no_second_factor(ada: Visitor) -> None:
    """The thief of a session that was signed in before there was a factor knows the password."""
    add_app(ada)
    new = "another fine long password"
    with time_machine.travel(utcnow() + LATER):
        fields = {"current_password": PASSWORD, "password": new, "confirm": new}
        assert ada.submit("/profile/password", **fields).location == "/profile"
        assert asks_for_proof(ada.get(CODES))
        assert_our_page(ada.forge("/reauth", {"current_password": new}), 422)


def test_a_recovery_code_is_a_proof_once(ada: Visitor) -> None:
    _app, answer = add_app(ada)
    code = codes_on(answer)[0].lower().replace("-", " ")
    with time_machine.travel(utcnow() + LATER) as clock:
        assert ada.submit("/reauth", code=code).location == "/"
        assert "9 of 10 left" in ada.get(SECURITY).text
        clock.shift(LATER)
        assert_our_page(ada.submit("/reauth", code=code), 422)


def test_a_code_counts_once_also_in_two_tabs(ada: Visitor) -> None:
    app, _answer = add_app(ada)
    with time_machine.travel(utcnow() + LATER):
        code = app.code()
        assert ada.submit("/reauth", code=code).status_code == 302
        assert_our_page(ada.submit("/reauth", code=code), 422)


def test_a_code_that_is_used_at_the_same_moment_is_a_sentence(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _answer = add_app(ada)
    with ada.app.app_context():
        repository = users._get_current_object()  # type: ignore[attr-defined]
    monkeypatch.setattr(repository, "prove", lambda *_arguments: False)
    with time_machine.travel(utcnow() + LATER):
        answer = ada.submit("/reauth", code=app.code())
    assert_our_page(answer, 422)
    assert "a moment ago" in errors(answer)["code"]


def test_a_passkey_is_a_proof_once(ada: Visitor) -> None:
    key, _answer = add_passkey(ada)
    with time_machine.travel(utcnow() + LATER):
        assert prove_with_passkey(ada, key, CODES).location == CODES
        assert ada.get(CODES).status_code == 200
        data = ada.fill("/reauth", credential="x")
        answer = key.get(request_options(ada))
        taken = ada.cookie()[CHALLENGE]
        assert ada.client.post("/reauth", data=data | {"credential": answer}).status_code == 302
        with ada.client.session_transaction() as session:
            session[CHALLENGE] = taken  # a copied cookie
        again = ada.client.post("/reauth", data=data | {"credential": answer})
        assert_our_page(again, 422)
        assert "passkey was not accepted" in alert(again)


@pytest.mark.parametrize("credential", ["x", "{}", "[]", "9" * 10_000, "[" * 10_000, "null"])
def test_junk_from_a_browser_is_a_sentence(ada: Visitor, credential: str) -> None:
    add_passkey(ada)
    request_options(ada)
    answer = ada.submit("/reauth", credential=credential)
    assert_our_page(answer, 422)


@pytest.mark.parametrize("code", ["1" * 10_000, "\x00", "🔑", "١٢٣٤٥٦", "-" * 100])
def test_odd_codes_are_refused(ada: Visitor, code: str) -> None:
    add_app(ada)
    assert_our_page(ada.submit("/reauth", code=code), 422)


def test_attempts_are_limited_as_at_sign_in(make_app: MakeApp) -> None:
    person = administrator_of(make_app(RATELIMIT_DEVICE="2 per hour"))
    wrong = [person.submit("/reauth", current_password="no").status_code for _try in range(2)]
    assert wrong == [422, 422]
    limited = person.submit("/reauth", current_password=PASSWORD)
    assert_our_page(limited, 429)
    assert PASSWORD not in limited.text


# Where it leads


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil", ""])
@pytest.mark.usefixtures("later")
def test_next_is_local(ada: Visitor, target: str) -> None:
    answer = ada.submit("/reauth", current_password=PASSWORD, next=target)
    assert answer.location == "/"


def test_a_form_that_was_sent_comes_back_filled_in_and_is_not_sent_by_itself(
    ada: Visitor,
) -> None:
    add_app(ada)
    credential = '{"secret": "credential"}'
    with time_machine.travel(utcnow() + LATER):
        data = ada.fill(PASSKEYS, on=SECURITY, name="Work phone", credential=credential)
        assert asks_for_proof(ada.client.post(PASSKEYS, data=data)) == SECURITY
        assert "credential\\" not in json.dumps(ada.cookie())
        _prove_by_factor(ada)
        assert ada.fill(PASSKEYS, on=SECURITY)["name"] == "Work phone"
        assert "passkeys" not in documents(ada.app)[0]
        assert ada.fill(PASSKEYS, on=SECURITY)["name"] == "", "only once"


def _prove_by_factor(ada: Visitor) -> None:
    with ada.app.app_context():
        proof = {"$set": {"sessions.0.proved_strongly_on": utcnow()}}
        current_mongo().users.update_many({}, proof)


def test_a_form_that_is_too_long_is_not_kept_and_no_secret_is(ada: Visitor) -> None:
    with time_machine.travel(utcnow() + LATER):
        asks_for_proof(ada.forge(PASSKEYS, {"name": "x" * 2000}))
        assert "kept_form" not in ada.cookie()
        secret = {"code": "123456", "credential": "c", "current_password": "p", "confirm": "q"}
        asks_for_proof(ada.forge(TOTP, secret))
        assert "kept_form" not in ada.cookie()
        asks_for_proof(ada.forge(TOTP, {"name": "x"}))
        assert ada.cookie()["kept_form"][3] == [["name", "x"]]


def test_a_kept_form_is_not_shown_on_another_page_nor_after_a_sign_out(ada: Visitor) -> None:
    with time_machine.travel(utcnow() + LATER):
        asks_for_proof(ada.forge(PASSKEYS, {"name": "Work phone"}))
        assert "Work phone" not in ada.get("/profile/email").text
        ada.sign_out()
        ada.sign_in(EMAIL)
        assert "Work phone" not in ada.get(SECURITY).text


def test_people_who_are_signed_out_or_wait_have_no_proof_to_give(
    app: Flask, visitor: Visitor
) -> None:
    assert str(visitor.get("/reauth").location).startswith("/login")
    visitor.register("bob@example.com")
    assert visitor.get("/reauth").location == "/unconfirmed"


# The pages of administrators


def test_the_pages_of_administrators_need_the_second_factor_in_this_session(
    administrator: Visitor,
) -> None:
    app, _answer = add_app(administrator)
    assert administrator.get("/admin/people").status_code == 200
    with time_machine.travel(utcnow() + LATER):
        for path in ("/admin/", "/admin/people?q=a", "/admin/mail", "/admin/funnel.csv"):
            assert asks_for_proof(administrator.get(path)) == path
        assert asks_for_proof(administrator.client.head("/admin/")) == "/admin/"
        answer = administrator.submit("/reauth?next=/admin/people", code=app.code())
        assert answer.location == "/admin/people"
        assert administrator.get("/admin/people").status_code == 200


def test_a_session_that_was_signed_in_with_a_second_factor_needs_no_proof_to_look(
    administrator: Visitor,
) -> None:
    app, _answer = add_app(administrator)
    sign_in_with_factor(administrator, app, "root@example.com")
    with time_machine.travel(utcnow() + LATER):
        assert administrator.get("/admin/people").status_code == 200


def test_other_people_see_no_difference(ada: Visitor) -> None:
    with time_machine.travel(utcnow() + LATER):
        assert_our_page(ada.get("/admin/"), 404)
