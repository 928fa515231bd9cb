"""The page about security: adding and removing second factors, and recovery codes."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app.mongo import current_mongo, users
from app.users.clock import utcnow
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
    options_of,
    passkey_paths,
)
from tests.mailbox import Mailbox
from tests.software_authenticator import SoftwareAuthenticator
from tests.visitor import Visitor, administrator_of, alert, errors, soup
from tests.web.pages import assert_our_page, documents, foreign_content

FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def stored(app: Flask, email: str = EMAIL) -> dict[str, object]:
    """The document of an account."""
    (found,) = [account for account in documents(app) if account["email"] == email]
    return found


# Signed out and at a glance


def test_the_profile_leads_to_the_page_which_names_the_next_step(ada: Visitor) -> None:
    assert soup(ada.get("/profile")).select_one(f"a[href='{SECURITY}']")
    page = ada.page(SECURITY)
    assert "Only your password" in page.text
    assert "create a passkey" in page.text
    assert page.select_one(f"a[href='{TOTP}']")
    assert not page.select_one(f"a[href='{CODES}']")


def test_where_the_site_has_no_name_the_next_step_is_the_app(make_app: MakeApp) -> None:
    ada = administrator(make_app(PUBLIC_URL="http://127.0.0.1:5000"))
    page = ada.page(SECURITY)
    assert "set up an authenticator app" in page.text
    assert not page.select_one("[data-passkey-create]")
    assert ada.get(f"{PASSKEYS}/options").status_code == 404
    assert ada.forge(PASSKEYS, {"credential": "{}", "name": ""}).status_code == 404


def administrator(app: Flask) -> Visitor:
    """A person with a confirmed account on this app."""
    return administrator_of(app)


# The authenticator app


def test_the_first_right_code_sets_the_app_up_and_shows_ten_recovery_codes(
    ada: Visitor, mailbox: Mailbox
) -> None:
    page = ada.page(TOTP)
    shown = page.select_one("[data-secret]")
    assert shown is not None
    assert shown["data-secret"] == shown.get_text().replace(" ", "")
    assert {len(group) for group in shown.get_text().split()} == {4}
    link = page.select_one("a[href^='otpauth://totp/']")
    assert link is not None
    assert f"secret={shown['data-secret']}" in str(link["href"])
    assert page.select_one(".lk-qr svg")
    _app, answer = add_app(ada)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    codes = codes_on(answer)
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) == 24 for code in codes)
    account = json.dumps(stored(ada.app), default=str)
    assert "totp_added" in account
    assert not any(code in account for code in codes)
    later = ada.get(SECURITY).text
    assert "10 of 10 left" in later
    assert not any(code in later for code in codes)


def test_the_page_stores_nothing_and_two_tabs_agree(ada: Visitor) -> None:
    before = documents(ada.app)
    first, second = (AuthenticatorApp.scanning(ada.page(TOTP)).secret for _tab in range(2))
    assert first == second
    assert documents(ada.app) == before


def test_the_set_up_page_has_no_inline_style_or_script(ada: Visitor) -> None:
    assert foreign_content(ada.get(TOTP)) == []
    _app, answer = add_app(ada)
    assert foreign_content(answer) == []
    assert foreign_content(ada.get(SECURITY)) == []


@pytest.mark.parametrize("code", ["000000", "", "x", "1" * 10_000, "\x00", "12345", "ａｂｃ", "🔑"])
def test_a_wrong_code_is_refused_beside_the_field(ada: Visitor, code: str) -> None:
    answer = ada.submit(TOTP, code=code)
    assert_our_page(answer, 422)
    assert "not the code" in errors(answer)["code"]
    assert "totp" not in stored(ada.app)


def test_full_width_digits_and_spaces_are_accepted(ada: Visitor) -> None:
    app = AuthenticatorApp.scanning(ada.page(TOTP))
    code = app.code().translate(FULL_WIDTH)
    assert codes_on(ada.submit(TOTP, code=f" {code[:3]} {code[3:]} "))


def test_a_second_app_needs_the_first_one_removed(ada: Visitor) -> None:
    add_app(ada)
    for answer in (ada.get(TOTP), ada.forge(TOTP, {"code": "123456"})):
        assert answer.location == SECURITY
    assert "set up already" in alert(ada.get(SECURITY))


def test_codes_of_the_set_up_are_limited(make_app: MakeApp) -> None:
    person = administrator(make_app(RATELIMIT_DEVICE="2 per hour"))
    statuses = [person.submit(TOTP, code="000000").status_code for _attempt in range(3)]
    assert statuses == [422, 422, 429]


def test_removing_the_only_factor_removes_the_recovery_codes(ada: Visitor) -> None:
    add_app(ada)
    answer = ada.submit(f"{TOTP}/remove", on=SECURITY)
    assert answer.location == SECURITY
    assert "your password alone signs in" in alert(ada.get(SECURITY))
    account = stored(ada.app)
    assert not account.keys() & {"totp", "recovery_codes"}
    again = ada.forge(f"{TOTP}/remove")
    assert again.location == SECURITY
    assert "no authenticator app" in alert(ada.get(SECURITY))


# Passkeys


def test_the_first_passkey_shows_ten_recovery_codes_and_the_second_does_not(ada: Visitor) -> None:
    _key, answer = add_passkey(ada, "Laptop")
    assert answer.status_code == 200
    assert len(codes_on(answer)) == 10
    _key, answer = add_passkey(ada, "Phone", SoftwareAuthenticator(synced=False))
    assert answer.location == SECURITY
    page = ada.page(SECURITY)
    items = [item.get_text(" ", strip=True) for item in page.select(".lk-factors > li")]
    assert [("Laptop" in item, "Synced" in item) for item in items] == [
        (True, True),
        (False, False),
    ]
    assert "This device only" in items[1]


def test_the_options_exclude_the_passkeys_that_exist_and_ask_for_no_attestation(
    ada: Visitor,
) -> None:
    key, _answer = add_passkey(ada)
    options = options_of(ada)
    assert options["attestation"] == "none"
    assert options["rp"]["id"] == "localhost"
    assert len(options["excludeCredentials"]) == 1
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "preferred"
    assert options["challenge"] != options_of(ada)["challenge"]
    assert key.user_handle is not None


def test_the_browser_proposes_the_name_of_a_passkey_without_one(ada: Visitor) -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    credential = SoftwareAuthenticator().create(options_of(ada))
    data = ada.fill(PASSKEYS, on=SECURITY, credential=credential)
    ada.client.post(PASSKEYS, data=data, headers={"User-Agent": firefox})
    assert "Firefox on Linux" in ada.page(SECURITY).text


def test_a_quiet_passkey_has_no_user_presence_and_only_that_mode_may_lack_it(ada: Visitor) -> None:
    add_app(ada)
    quiet = SoftwareAuthenticator(present=False, verifies=False)
    refused = ada.submit(PASSKEYS, on=SECURITY, credential=quiet.create(options_of(ada)))
    assert_our_page(refused, 422)
    conditional = options_of(ada, "?mode=conditional")
    answer = ada.submit(PASSKEYS, on=SECURITY, credential=quiet.create(conditional))
    assert answer.location == SECURITY
    assert "passkey_added" in json.dumps(stored(ada.app), default=str)


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "x",
        "{}",
        "[]",
        "null",
        '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {}}',
        '{"id": "eA", "rawId": "eA", "type": "public-key", "response":'
        ' {"clientDataJSON": "eA", "attestationObject": "_____w"}}',
        "[" * 10_000,
        "9" * 10_000,
        '"' + "x" * 30_000 + '"',
    ],
)
def test_junk_is_refused_with_a_sentence(ada: Visitor, credential: str) -> None:
    options_of(ada)
    answer = ada.submit(PASSKEYS, on=SECURITY, credential=credential)
    assert_our_page(answer, 422)
    assert "passkey" in alert(answer, "danger")


@pytest.mark.parametrize(
    "key",
    [
        SoftwareAuthenticator(origin="https://evil.example"),
        SoftwareAuthenticator(origin="http://localhost:5001"),
        SoftwareAuthenticator(rp_id="evil.example"),
        SoftwareAuthenticator(present=False),
    ],
    ids=["foreign origin", "another port", "wrong RP id", "nobody present"],
)
def test_an_answer_for_another_site_is_refused(ada: Visitor, key: SoftwareAuthenticator) -> None:
    answer = ada.submit(PASSKEYS, on=SECURITY, credential=key.create(options_of(ada)))
    assert_our_page(answer, 422)
    assert "passkeys" not in stored(ada.app)


def test_an_answer_counts_for_one_challenge_that_is_not_older_than_five_minutes(
    ada: Visitor,
) -> None:
    key, _answer = add_passkey(ada)
    again = ada.submit(
        PASSKEYS, on=SECURITY, credential=key.create({**options_of(ada), "challenge": "eA"})
    )
    assert_our_page(again, 422)
    credential = SoftwareAuthenticator().create(options_of(ada))
    with time_machine.travel(utcnow() + timedelta(minutes=5, seconds=2)):
        late = ada.submit(PASSKEYS, on=SECURITY, credential=credential)
    assert_our_page(late, 422)
    assert "too long" in alert(late)


def test_a_passkey_that_exists_is_refused_with_the_same_sentence_for_every_account(
    ada: Visitor, new_visitor: Callable[[], Visitor], mailbox: Mailbox
) -> None:
    key, _answer = add_passkey(ada)
    own = add_passkey(ada, key=key)[1]
    bob = new_visitor()
    bob.register("bob@example.com")
    bob.submit(mailbox.newest("bob@example.com").link)
    before = stored(ada.app)
    others = add_passkey(bob, key=key)[1]
    for answer in (own, others):
        assert_our_page(answer, 422)
    assert alert(own, "danger") == alert(others, "danger")
    assert stored(ada.app) == before
    assert "passkeys" not in stored(ada.app, "bob@example.com")


def test_the_twenty_first_passkey_is_refused(ada: Visitor) -> None:
    add_passkey(ada, "1")
    data = ada.fill(PASSKEYS, on=SECURITY)
    for number in range(2, 21):
        add_passkey(ada, str(number))
    page = ada.page(SECURITY)
    assert len(page.select(".lk-factors > li")) == 20
    assert not page.select_one("[data-passkey-create]")
    credential = SoftwareAuthenticator().create(options_of(ada))
    answer = ada.client.post(PASSKEYS, data=data | {"credential": credential})
    assert_our_page(answer, 422)
    assert "20 passkeys at most" in alert(answer)


def test_a_passkey_is_renamed_and_removed(ada: Visitor) -> None:
    add_app(ada)
    add_passkey(ada, "  My\nphone  ")
    (rename,) = passkey_paths(ada.page(SECURITY), "rename")
    (remove,) = passkey_paths(ada.page(SECURITY), "remove")
    assert "My phone" in ada.page(SECURITY).text
    refused = ada.submit(rename, on=SECURITY, name="  ")
    assert_our_page(refused, 422)
    assert errors(refused)["name"] == "Enter a name."
    assert ada.submit(rename, on=SECURITY, name="<b>Work</b>").location == SECURITY
    assert "<b>Work</b>" in ada.page(SECURITY).text
    assert ada.submit(remove, on=SECURITY).location == SECURITY
    assert "removed" in alert(ada.get(SECURITY))
    for path in (rename, remove):
        assert_our_page(ada.forge(path, {"name": "x"}), 404)
    assert stored(ada.app)["passkeys"] == []


def test_the_browser_is_told_which_passkeys_are_valid(ada: Visitor) -> None:
    def accepted() -> dict[str, object]:
        place = ada.page(SECURITY).select_one("[data-passkeys-accepted]")
        assert place is not None
        found: dict[str, object] = json.loads(str(place["data-passkeys-accepted"]))
        return found

    assert accepted()["allAcceptedCredentialIds"] == []
    key, _answer = add_passkey(ada)
    told = accepted()
    assert told["rpId"] == "localhost"
    assert told["allAcceptedCredentialIds"] == [json.loads(key.create(options_of(ada)))["id"]]
    assert told["userId"] == options_of(ada)["user"]["id"]


# Recovery codes


def test_new_recovery_codes_replace_all_and_are_shown_once(ada: Visitor) -> None:
    _app, first = add_app(ada)
    assert "10 codes are left" in ada.page(CODES).text
    answer = ada.submit(CODES)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(codes_on(answer)) == 10
    assert not set(codes_on(answer)) & set(codes_on(first))
    assert codes_on(ada.get(CODES)) == []


def test_without_a_factor_there_are_no_recovery_codes(ada: Visitor) -> None:
    before = stored(ada.app)
    for answer in (ada.get(CODES), ada.forge(CODES)):
        assert answer.location == SECURITY
    assert stored(ada.app) == before


def test_few_recovery_codes_are_the_next_step(ada: Visitor) -> None:
    add_app(ada)
    assert "recovery codes are left" not in ada.page(SECURITY).text
    with ada.app.app_context():
        cut = {"$push": {"recovery_codes.hashes": {"$each": [], "$slice": 2}}}
        current_mongo().users.update_one({"email": EMAIL}, cut)
    assert "Only 2 recovery codes are left." in alert(ada.get(SECURITY))


# What else the pages offer


def test_the_first_factor_offers_to_end_other_sessions_and_does_not_end_them(
    ada: Visitor, new_visitor: Callable[[], Visitor]
) -> None:
    elsewhere = new_visitor()
    elsewhere.sign_in(EMAIL)
    _app, answer = add_app(ada)
    assert soup(answer).select("form[action='/profile/sessions/revoke-others']")
    assert elsewhere.get("/profile").status_code == 200
    assert "Another browser is signed in" in ada.page(SECURITY).text


def test_a_passkey_is_offered_after_a_sign_in_until_it_is_dismissed(ada: Visitor) -> None:
    (offer,) = ada.page("/").select("[data-passkey-offer]")
    assert offer.has_attr("hidden")
    assert not offer.has_attr("data-quietly")
    assert ada.submit(f"{PASSKEYS}/offer/dismiss", on="/").location == "/"
    assert not ada.page("/").select("[data-passkey-offer]")
    assert stored(ada.app)["passkey_offer_dismissed"] is True


def test_a_passkey_is_made_quietly_only_beside_another_factor(ada: Visitor) -> None:
    add_app(ada)
    (offer,) = ada.page("/").select("[data-passkey-offer]")
    assert offer["data-quietly"] == f"{PASSKEYS}/options?mode=conditional"
    add_passkey(ada)
    assert not ada.page("/").select("[data-passkey-offer]")


def test_factors_that_change_at_the_same_moment_are_a_sentence(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another browser changes the factors between the look-up and the guarded update."""

    def lose(step: str) -> None:
        with ada.app.app_context():
            repository = users._get_current_object()  # type: ignore[attr-defined]
        monkeypatch.setattr(repository, step, lambda *_arguments: False)

    app = AuthenticatorApp.scanning(ada.page(TOTP))
    data = ada.fill(TOTP, code=app.code())
    lose("add_totp")
    answer = ada.client.post(TOTP, data=data)
    assert_our_page(answer, 422)
    assert "a moment ago" in alert(answer)
    monkeypatch.undo()
    add_app(ada)
    lose("remove_totp")
    ada.submit(f"{TOTP}/remove", on=SECURITY)
    assert "a moment ago" in alert(ada.get(SECURITY))
    lose("make_recovery_codes")
    answer = ada.submit(CODES)
    assert_our_page(answer, 422)
    assert codes_on(answer) == []
