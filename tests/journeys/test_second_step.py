"""The second step of a sign-in: codes, passkeys, and browsers that are trusted."""

from collections.abc import Callable

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from app.mongo import current_mongo, users
from app.users.client import Client
from app.users.clock import utcnow
from tests.authenticator import AuthenticatorApp
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.planted_factors import (
    OPTIONS,
    PASSKEY,
    SECOND,
    account,
    confirmed_in,
    options_for,
    plant_app,
    plant_codes,
    plant_passkey,
    second_step,
    use_passkey,
)
from tests.software_authenticator import SoftwareAuthenticator
from tests.visitor import PASSWORD, Visitor, alert, errors, soup
from tests.web.pages import documents

NewVisitor = Callable[[], Visitor]
ADA, ROOT, NEW = "ada@example.com", "root@example.com", "ada@new.example"
PHRASE = "a quite different phrase"
NOON = "2026-11-24 12:00:00Z"
MINUTE, DAY = 60, 86400


@pytest.fixture
def phone(app: Flask, confirmed: Visitor) -> AuthenticatorApp:
    """The authenticator app of ada, who is confirmed."""
    return plant_app(app)


@pytest.fixture
def key(app: Flask, confirmed: Visitor) -> SoftwareAuthenticator:
    """The passkey of ada."""
    return plant_passkey(app)


def begin(visitor: Visitor, email: str = ADA, **fields: str) -> Visitor:
    """Gives the right password."""
    answer = visitor.sign_in(email, **fields)
    assert (answer.status_code, answer.location) == (302, SECOND)
    return visitor


def is_signed_in(visitor: Visitor) -> bool:
    return visitor.get("/profile").status_code == 200


def refused(answer: TestResponse) -> bool:
    """Whether the form came back with a sentence."""
    return answer.status_code == 422 and bool(alert(answer, "danger"))


# The password


def test_the_right_password_leads_to_the_second_step_and_stores_nothing(
    app: Flask, phone: AuthenticatorApp, visitor: Visitor
) -> None:
    before = documents(app)
    begin(visitor, next="/profile/sessions")
    assert documents(app) == before
    assert "Second step" in visitor.page(SECOND).title.text  # type: ignore[union-attr]


def test_between_the_steps_the_browser_is_signed_out_everywhere(
    phone: AuthenticatorApp, visitor: Visitor
) -> None:
    begin(visitor)
    for path in ("/profile", "/profile/sessions", "/unconfirmed"):
        assert visitor.get(path).location.startswith("/login?next="), path
    assert visitor.get("/login").status_code == 200
    nav = visitor.page("/").select_one(".lk-nav")
    assert nav is not None
    assert nav["data-viewer"] == "stranger"
    assert "_user_id" not in visitor.cookie()


def test_the_earlier_session_of_the_browser_ends_with_the_right_password(
    phone: AuthenticatorApp, confirmed: Visitor
) -> None:
    earlier = confirmed.copy()
    confirmed.forge("/login", {"email": ADA, "password": PASSWORD})
    assert not is_signed_in(confirmed)
    assert not is_signed_in(earlier)


def test_a_wrong_password_keeps_the_earlier_session(
    phone: AuthenticatorApp, confirmed: Visitor
) -> None:
    confirmed.forge("/login", {"email": ADA, "password": "not the password"})
    assert is_signed_in(confirmed)


def test_an_account_without_a_second_factor_signs_in_as_before(
    confirmed: Visitor, visitor: Visitor
) -> None:
    assert visitor.sign_in(ADA).location == "/"
    assert visitor.get(SECOND).location == "/login"


def test_recovery_codes_alone_are_no_second_factor(
    app: Flask, confirmed: Visitor, visitor: Visitor
) -> None:
    plant_codes(app)
    assert visitor.sign_in(ADA).location == "/"


# Codes of the app


def test_a_code_signs_in_and_leads_where_the_sign_in_was_going(
    app: Flask, phone: AuthenticatorApp, visitor: Visitor
) -> None:
    begin(visitor, next="/profile/sessions")
    assert second_step(visitor, phone.code()).location == "/profile/sessions"
    assert is_signed_in(visitor)
    (earlier, session) = account(app).sessions
    assert (earlier.second_factor, session.second_factor) == (False, True)
    assert visitor.get(SECOND).location == "/login"


def test_the_second_step_keeps_the_wish_to_stay_signed_in(
    app: Flask, phone: AuthenticatorApp, visitor: Visitor
) -> None:
    begin(visitor, remember="y")
    second_step(visitor, phone.code())
    assert account(app).sessions[-1].idle_seconds == 30 * DAY
    assert visitor.cookie()["_permanent"] is True


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", f"/{'a' * 2000}"])
def test_a_foreign_or_very_long_target_becomes_home(
    phone: AuthenticatorApp, visitor: Visitor, target: str
) -> None:
    begin(visitor, next=target)
    assert second_step(visitor, phone.code()).location == "/"


def _full_width(digits: str) -> str:
    return "".join(chr(ord(digit) - ord("0") + ord("\uff10")) for digit in digits)


@pytest.mark.parametrize(
    "spell",
    [
        lambda code: f" {code[:3]} {code[3:]} ",
        lambda code: f"{code[:3]}-{code[3:]}",
        lambda code: " ".join(code),
        _full_width,
    ],
    ids=["space", "hyphen", "spaces", "full-width"],
)
def test_a_code_may_be_typed_with_separators_and_full_width_digits(
    phone: AuthenticatorApp, visitor: Visitor, spell: Callable[[str], str]
) -> None:
    begin(visitor)
    assert second_step(visitor, spell(phone.code())).location == "/"


@pytest.mark.parametrize(("steps", "works"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_phone_may_be_one_step_of_thirty_seconds_off(
    app: Flask, confirmed: Visitor, visitor: Visitor, steps: int, works: bool
) -> None:
    with time_machine.travel(NOON, tick=False):
        phone = plant_app(app)
        begin(visitor)
        answer = second_step(visitor, phone.code(steps=steps))
    assert (answer.location == "/") == works
    assert works or refused(answer)


def test_a_code_works_once(
    phone: AuthenticatorApp, visitor: Visitor, new_visitor: NewVisitor
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        code, later = phone.code(), begin(new_visitor())
        assert second_step(begin(visitor), code).location == "/"
        assert "used already" in errors(second_step(later, code))["code"]
        assert refused(second_step(later, phone.code(steps=-1))), "an earlier code than the last"
        clock.shift(30)
        assert second_step(later, phone.code()).location == "/"


@pytest.mark.parametrize("code", ["000000", "12345", "1234567", "", "abc", "\x00", "१२३४५६"])
def test_a_wrong_code_is_refused_with_a_sentence(
    phone: AuthenticatorApp, visitor: Visitor, code: str
) -> None:
    answer = second_step(begin(visitor), code)
    assert refused(answer)
    assert errors(answer)["code"]
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("code", ["1" * 10_000, "A" * 10_000, "\U0001f511" * 2_500])
def test_a_huge_code_is_refused_with_a_sentence(
    phone: AuthenticatorApp, visitor: Visitor, code: str
) -> None:
    assert errors(second_step(begin(visitor), code))["code"]


def test_after_wrong_codes_the_right_one_works(phone: AuthenticatorApp, visitor: Visitor) -> None:
    begin(visitor, next="/profile/sessions")
    assert refused(second_step(visitor, "000000"))
    assert second_step(visitor, phone.code()).location == "/profile/sessions"


# Recovery codes


@pytest.mark.parametrize(
    "spell",
    [
        str,
        str.lower,
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", " \u2013 "),
        lambda code: code.replace("0", "o").replace("1", "l"),
        lambda code: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in code),
    ],
    ids=["as shown", "lower case", "no hyphens", "dashes", "look-alikes", "full-width"],
)
def test_a_recovery_code_signs_in_in_any_spelling(
    app: Flask, phone: AuthenticatorApp, visitor: Visitor, spell: Callable[[str], str]
) -> None:
    code = plant_codes(app)[3]
    assert second_step(begin(visitor), spell(code)).location == "/"
    assert account(app).sessions[-1].second_factor


def test_a_recovery_code_works_once_and_the_owner_gets_a_mail(
    app: Flask, phone: AuthenticatorApp, new_visitor: NewVisitor
) -> None:
    code = plant_codes(app)[0]
    assert second_step(begin(new_visitor()), code).location == "/"
    kinds = [letter["kind"] for letter in documents(app)[0]["outbox"]]
    assert "recovery_code_used" in kinds
    answer = second_step(begin(new_visitor()), code)
    assert "none of your recovery codes" in errors(answer)["code"]


def test_the_page_says_how_many_recovery_codes_are_left_and_offers_new_ones(
    app: Flask, phone: AuthenticatorApp, new_visitor: NewVisitor
) -> None:
    codes, said = plant_codes(app), []
    for code in codes:
        visitor = begin(new_visitor())
        second_step(visitor, code)
        page = visitor.get("/")
        link = soup(page).select_one(".alert a[href$='/profile/security/recovery-codes']")
        said.append((alert(page), link is not None))
    assert said[0] == ("You have 9 recovery codes left.", False)
    assert said[6] == ("You have 3 recovery codes left.", False)
    assert said[7] == ("You have 2 recovery codes left. Make new ones", True)
    assert said[8] == ("You have one recovery code left. Make new ones", True)
    assert said[9] == ("That was your last recovery code. Make new ones", True)


def test_the_page_says_that_a_recovery_code_works_too(
    app: Flask, phone: AuthenticatorApp, visitor: Visitor
) -> None:
    assert "recovery code" not in begin(visitor).page(SECOND).text
    plant_codes(app)
    assert "recovery code" in begin(visitor).page(SECOND).text


# A sign-in that waits


def test_without_a_proven_password_the_second_step_leads_to_the_sign_in(visitor: Visitor) -> None:
    assert visitor.get(SECOND).location == "/login"
    assert "password first" in alert(visitor.get("/login"), "info")
    assert visitor.forge(SECOND, {"code": "000000"}).location == "/login"


def test_the_second_step_must_follow_within_five_minutes(
    app: Flask, confirmed: Visitor, visitor: Visitor
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        phone = plant_app(app)
        begin(visitor)
        clock.shift(5 * MINUTE)
        assert visitor.get(SECOND).status_code == 200
        form = visitor.fill(SECOND)
        clock.shift(1)
        assert visitor.client.post(SECOND, data=form | {"code": phone.code()}).location == "/login"
        assert not is_signed_in(visitor)


def _other_password(app: Flask, confirmed: Visitor) -> None:
    fields = {"current_password": PASSWORD, "password": PHRASE, "confirm": PHRASE}
    assert confirmed.submit("/profile/password", **fields).status_code == 302


def _disabled(app: Flask, confirmed: Visitor) -> None:
    with app.app_context():
        current_mongo().users.update_one({"email_key": ADA}, {"$set": {"disabled_on": utcnow()}})


def _deleted(app: Flask, confirmed: Visitor) -> None:
    confirmed.submit("/profile/delete", current_password=PASSWORD)


def _no_factor(app: Flask, confirmed: Visitor) -> None:
    with app.app_context():
        assert users.remove_totp(account(app), utcnow(), Client())


@pytest.mark.parametrize("change", [_other_password, _disabled, _deleted, _no_factor])
def test_a_changed_account_voids_a_sign_in_that_waits(
    app: Flask,
    phone: AuthenticatorApp,
    confirmed: Visitor,
    visitor: Visitor,
    change: Callable[[Flask, Visitor], None],
) -> None:
    form = begin(visitor).fill(SECOND)
    change(app, confirmed)
    assert visitor.client.post(SECOND, data=form | {"code": phone.code()}).location == "/login"
    assert not is_signed_in(visitor)


def test_a_person_may_sign_in_to_another_account_instead(
    phone: AuthenticatorApp, visitor: Visitor
) -> None:
    begin(visitor)
    assert visitor.submit("/logout", on=SECOND).location == "/login"
    assert visitor.get(SECOND).location == "/login"


@pytest.mark.parametrize("delay", ["259200", "0"])
def test_the_page_leads_to_the_way_back_unless_it_is_turned_off(
    make_app: MakeApp, delay: str
) -> None:
    app = make_app(FACTOR_RESET_DELAY=delay)
    ada = confirmed_in(app)
    plant_app(app)
    page = begin(Visitor(app)).page(SECOND)
    assert bool(page.select("a[href='/login/second/lost']")) == (delay != "0")
    assert is_signed_in(ada)


# Limits


def test_too_many_wrong_codes_are_refused_for_a_while(
    app: Flask, confirmed: Visitor, visitor: Visitor, new_visitor: NewVisitor
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        phone = plant_app(app)
        begin(visitor)
        for _try in range(10):
            assert refused(second_step(visitor, "000000"))
        answer = second_step(begin(new_visitor()), phone.code())
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert "Too many codes" in alert(answer)
        assert soup(answer).select_one(f"form[action='{SECOND}'] input[name=code]")
        clock.shift(15 * MINUTE)
        assert second_step(begin(visitor), phone.code()).location == "/"


def test_the_limit_of_others_does_not_stop_a_browser_that_the_account_knows(
    phone: AuthenticatorApp, confirmed: Visitor, visitor: Visitor
) -> None:
    begin(visitor)
    for _try in range(11):
        answer = second_step(visitor, "000000")
    assert answer.status_code == 429
    confirmed.sign_out()
    assert second_step(begin(confirmed), phone.code()).location == "/"


# Trusted browsers


def _trust(visitor: Visitor, phone: AuthenticatorApp) -> None:
    assert second_step(begin(visitor), phone.code(), trust_browser="y").location == "/"
    visitor.sign_out()


def test_a_trusted_browser_is_not_asked_again_for_thirty_days(
    app: Flask, confirmed: Visitor, visitor: Visitor, new_visitor: NewVisitor
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        _trust(visitor, plant_app(app))
        assert visitor.sign_in(ADA).location == "/"
        assert not account(app).sessions[-1].second_factor
        assert new_visitor().sign_in(ADA).location == SECOND
        visitor.sign_out()
        clock.shift(30 * DAY - 1)
        assert visitor.sign_in(ADA).location == "/"
        visitor.sign_out()
        clock.shift(1)
        assert visitor.sign_in(ADA).location == SECOND


def test_a_browser_is_trusted_only_when_the_person_says_so(
    phone: AuthenticatorApp, visitor: Visitor
) -> None:
    second_step(begin(visitor), phone.code())
    visitor.sign_out()
    assert visitor.sign_in(ADA).location == SECOND


def test_a_trusted_browser_still_needs_the_password(
    phone: AuthenticatorApp, visitor: Visitor
) -> None:
    _trust(visitor, phone)
    assert visitor.sign_in(ADA, "not the password").status_code == 422


@pytest.mark.parametrize(("days", "words"), [("30", "30 days"), ("1", "a day"), ("0", None)])
def test_the_setting_says_for_how_long_a_browser_is_trusted(
    make_app: MakeApp, days: str, words: str | None
) -> None:
    app = make_app(TRUST_BROWSER_DAYS=days)
    confirmed_in(app)
    phone, visitor = plant_app(app), Visitor(app)
    box = begin(visitor).page(SECOND).select_one("label[for=trust_browser]")
    assert (box.text if box else None) == (
        f"Do not ask again on this browser for {words}" if words else None
    )
    visitor.forge(SECOND, {"code": phone.code(), "trust_browser": "y"})
    assert is_signed_in(visitor)
    assert len(account(app).trusted_browsers) == (1 if words else 0)


def test_no_browser_is_trusted_for_an_administrator(
    app: Flask, administrator: Visitor, visitor: Visitor
) -> None:
    phone = plant_app(app, ROOT)
    assert not begin(visitor, ROOT).page(SECOND).select("input[name=trust_browser]")
    visitor.forge(SECOND, {"code": phone.code(), "trust_browser": "y"})
    assert is_signed_in(visitor)
    assert account(app, ROOT).trusted_browsers == ()


def test_trust_is_listed_and_ended_on_the_page_of_sessions(
    app: Flask, phone: AuthenticatorApp, confirmed: Visitor, visitor: Visitor
) -> None:
    assert "Trusted browsers" not in confirmed.page("/profile/sessions").text
    _trust(visitor, phone)
    page = confirmed.page("/profile/sessions")
    assert "Trusted until" in page.text
    (form,) = page.select("form[action^='/profile/sessions/trusted/']")
    assert account(app).trusted_browsers[0].device not in str(page)
    answer = confirmed.submit(str(form["action"]), on="/profile/sessions")
    assert answer.location == "/profile/sessions"
    assert "asked for the second step again" in alert(confirmed.get("/profile/sessions"))
    assert visitor.sign_in(ADA).location == SECOND
    assert confirmed.forge(str(form["action"])).status_code == 404, "it is trusted no longer"


def test_nobody_ends_the_trust_of_another_account(
    app: Flask, phone: AuthenticatorApp, visitor: Visitor, administrator: Visitor
) -> None:
    _trust(visitor, phone)
    handle = account(app).trusted_browsers[0].handle
    path = f"/profile/sessions/trusted/{handle}/revoke"
    assert administrator.forge(path).status_code == 404
    assert visitor.sign_in(ADA).location == "/"


def _reset(app: Flask, confirmed: Visitor, mailbox: Mailbox) -> str:
    visitor = Visitor(app)
    visitor.submit("/forgot", email=ADA)
    link = mailbox.newest(ADA, "password").link
    assert visitor.submit(link, password=PHRASE, confirm=PHRASE).location == "/login"
    return PHRASE


def _new_password(app: Flask, confirmed: Visitor, mailbox: Mailbox) -> str:
    _other_password(app, confirmed)
    return PHRASE


def _factor_added(app: Flask, confirmed: Visitor, mailbox: Mailbox) -> str:
    plant_passkey(app)
    return PASSWORD


def _factor_removed(app: Flask, confirmed: Visitor, mailbox: Mailbox) -> str:
    plant_passkey(app)
    user = account(app)
    with app.app_context():
        trusted = {"trusted_browsers": documents(app)[0].get("trusted_browsers", [])}
        current_mongo().users.update_one({"_id": user.id}, {"$set": trusted})
        assert users.remove_totp(account(app), utcnow(), Client())
    return PASSWORD


def _made_administrator(app: Flask, confirmed: Visitor, mailbox: Mailbox) -> str:
    with app.app_context():
        assert users.grant(account(app), utcnow(), Client(), by="test")
    return PASSWORD


@pytest.mark.parametrize(
    "change", [_reset, _new_password, _factor_added, _factor_removed, _made_administrator]
)
def test_trust_ends_when_the_password_the_factors_or_the_rights_change(
    app: Flask,
    phone: AuthenticatorApp,
    confirmed: Visitor,
    visitor: Visitor,
    mailbox: Mailbox,
    change: Callable[[Flask, Visitor, Mailbox], str],
) -> None:
    _trust(visitor, phone)
    password = change(app, confirmed, mailbox)
    assert visitor.sign_in(ADA, password).location == SECOND
    assert account(app).trusted_browsers == ()


def test_recovery_codes_do_not_end_the_trust(
    app: Flask, phone: AuthenticatorApp, visitor: Visitor, new_visitor: NewVisitor
) -> None:
    _trust(visitor, phone)
    code = plant_codes(app)[0]
    second_step(begin(new_visitor()), code)
    assert visitor.sign_in(ADA).location == "/"


# Passkeys


def test_a_passkey_that_checks_its_user_signs_in_alone(
    app: Flask, key: SoftwareAuthenticator, visitor: Visitor
) -> None:
    credential = key.get(options_for(visitor))
    answer = visitor.submit(
        PASSKEY, on="/login?next=/profile/sessions", credential=credential, remember="y"
    )
    assert (answer.status_code, answer.location) == (302, "/profile/sessions")
    assert is_signed_in(visitor)
    session = account(app).sessions[-1]
    assert session.second_factor
    assert session.idle_seconds == 30 * DAY


def test_a_passkey_that_does_not_check_its_user_needs_the_password(
    app: Flask, key: SoftwareAuthenticator, visitor: Visitor
) -> None:
    key.verifies = False
    answer = use_passkey(visitor, key)
    assert refused(answer)
    assert "password first" in alert(answer)
    assert not is_signed_in(visitor)
    begin(visitor, next="/profile/sessions")
    assert use_passkey(visitor, key, on=SECOND).location == "/profile/sessions"
    assert is_signed_in(visitor)
    assert account(app).sessions[-1].second_factor


def test_the_second_step_offers_only_what_the_account_has(
    app: Flask, key: SoftwareAuthenticator, visitor: Visitor
) -> None:
    page = begin(visitor).page(SECOND)
    assert page.select_one(f"form[action='{PASSKEY}'] button")
    assert not page.select("input[name=code]")
    plant_app(app)
    assert begin(visitor).page(SECOND).select("input[name=code]")


def test_the_second_step_without_passkeys_has_no_button_for_them(
    phone: AuthenticatorApp, visitor: Visitor
) -> None:
    assert not begin(visitor).page(SECOND).select(f"form[action='{PASSKEY}']")


def test_the_options_name_passkeys_only_after_the_password_or_for_the_viewer(
    app: Flask, key: SoftwareAuthenticator, confirmed: Visitor, visitor: Visitor
) -> None:
    own = [account(app).passkeys[0].id]
    assert _allowed(visitor) == []
    assert _allowed(begin(visitor)) == own
    assert _allowed(confirmed) == own
    answer = visitor.get(OPTIONS)
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


def _allowed(visitor: Visitor) -> list[str]:
    return [str(allowed["id"]) for allowed in options_for(visitor)["allowCredentials"]]


def test_asking_for_the_options_stores_nothing(
    app: Flask, key: SoftwareAuthenticator, visitor: Visitor
) -> None:
    before = documents(app)
    first, second = options_for(visitor), options_for(visitor)
    assert documents(app) == before
    assert first["challenge"] != second["challenge"]
    assert first["rpId"] == "localhost"
    assert first["userVerification"] == "preferred"


@pytest.mark.parametrize("url", ["http://127.0.0.1:5000", "http://[::1]:5000"])
def test_passkeys_are_not_offered_where_the_host_is_an_ip_address(
    make_app: MakeApp, url: str
) -> None:
    app = make_app(PUBLIC_URL=url)
    confirmed_in(app)
    plant_app(app)
    plant_passkey(app)
    visitor = Visitor(app)
    assert visitor.get(OPTIONS).status_code == 404
    assert visitor.forge(PASSKEY, {"credential": "{}"}).status_code == 404
    assert "passkey" not in visitor.get("/login").text
    assert not begin(visitor).page(SECOND).select(f"form[action='{PASSKEY}']")


def test_the_address_field_offers_passkeys(visitor: Visitor) -> None:
    page = visitor.page("/login")
    field = page.select_one("input[name=email]")
    assert field is not None
    assert field["autocomplete"] == "username webauthn"
    form = page.select_one(f"form[action='{PASSKEY}']")
    assert form is not None
    assert form.has_attr("hidden"), "the script reveals it"
    assert page.select("script[type=module][src*='js/passkeys.js']")


def test_a_refused_passkey_keeps_where_the_sign_in_was_going(
    key: SoftwareAuthenticator, visitor: Visitor
) -> None:
    answer = visitor.submit(PASSKEY, on="/login?next=/profile/sessions", credential="{}")
    assert refused(answer)
    targets = {str(field["value"]) for field in soup(answer).select("input[name=next]")}
    assert targets == {"/profile/sessions"}


def test_a_disabled_account_is_told_so_after_its_passkey(
    app: Flask, key: SoftwareAuthenticator, visitor: Visitor
) -> None:
    _disabled(app, visitor)
    answer = use_passkey(visitor, key)
    assert refused(answer)
    assert alert(answer) == alert(visitor.sign_in(ADA))


def test_a_passkey_signs_in_to_another_account_than_the_present_one(
    app: Flask, key: SoftwareAuthenticator, administrator: Visitor
) -> None:
    earlier = administrator.copy()
    credential = key.get(options_for(administrator))
    assert administrator.forge(PASSKEY, {"credential": credential}).location == "/"
    assert ADA in administrator.get("/profile").text
    assert not is_signed_in(earlier)


def test_a_counter_that_counts_is_stored(app: Flask, confirmed: Visitor, visitor: Visitor) -> None:
    key = plant_passkey(app, key=SoftwareAuthenticator(counter=7, synced=False))
    assert use_passkey(visitor, key).location == "/"
    (passkey,) = account(app).passkeys
    assert (passkey.counter, passkey.synced) == (8, False)
    assert passkey.used_on is not None


# What else signs in


def test_confirming_a_new_address_with_the_password_leads_to_the_second_step(
    app: Flask, phone: AuthenticatorApp, confirmed: Visitor, visitor: Visitor, mailbox: Mailbox
) -> None:
    confirmed.submit("/profile/email", email=NEW, current_password=PASSWORD)
    before = len(account(app).sessions)
    answer = visitor.submit(mailbox.newest(NEW).link, password=PASSWORD)
    assert (answer.status_code, answer.location) == (302, SECOND)
    assert "Your address is now" in alert(visitor.get(SECOND), "success")
    assert not is_signed_in(visitor)
    assert len(account(app, NEW).sessions) == before
    assert second_step(visitor, phone.code()).location == "/"
    assert is_signed_in(visitor)


def test_a_new_password_keeps_what_the_session_has_proved(
    app: Flask, phone: AuthenticatorApp, confirmed: Visitor, visitor: Visitor
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        second_step(begin(visitor), phone.code())
        clock.shift(MINUTE)
        _other_password(app, visitor)
        (session,) = account(app).sessions
        assert session.second_factor
        assert session.proved(utcnow(), strongly=True)


def test_a_new_password_makes_a_session_without_second_factor_not_stronger(
    app: Flask, phone: AuthenticatorApp, confirmed: Visitor
) -> None:
    proved = utcnow()
    with app.app_context():
        current_mongo().users.update_one(
            {"email_key": ADA}, {"$set": {"sessions.0.proved_strongly_on": proved}}
        )
    stored = account(app).sessions[0].proved_strongly_on
    _other_password(app, confirmed)
    (session,) = account(app).sessions
    assert not session.second_factor
    assert session.proved_strongly_on == stored
