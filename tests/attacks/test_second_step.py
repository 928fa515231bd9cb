"""Published holes of second factors, tried against the second step of a sign-in and against
passkeys: those of django-allauth 65.13 to 65.22, Flask-Security, Keycloak and Authentik."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from app.security import rate_limits
from app.users.client import Client
from app.users.passwords import verify_password
from tests.authenticator import AuthenticatorApp
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.parallel import in_parallel
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
from tests.visitor import PASSWORD, Visitor, alert, soup
from tests.web.pages import assert_our_page, documents

NewVisitor = Callable[[], Visitor]
ADA, EVE, NEW = "ada@example.com", "eve@evil.example", "ada@new.example"
WRONG, PHRASE = "a wrong password here", "a quite different phrase"
NOON = "2026-11-24 12:00:00Z"
ROUNDS = 5


@pytest.fixture
def real(make_app: MakeApp, real_uri: str) -> Flask:
    """The app on a real mongod, where parallel requests race, with ada's account."""
    app = make_app(MONGODB_URI=real_uri)
    confirmed_in(app)
    return app


def begun(app: Flask, email: str = ADA) -> Visitor:
    """A visitor who has given the right password."""
    visitor = Visitor(app)
    assert visitor.sign_in(email).location == SECOND
    return visitor


def is_signed_in(visitor: Visitor) -> bool:
    return visitor.get("/profile").status_code == 200


def assert_refused(answer: TestResponse) -> None:
    """The form came back with a sentence."""
    assert_our_page(answer, 422)
    assert alert(answer, "danger")


# Repetition


def test_a_code_counts_once_when_two_browsers_send_it_at_the_same_moment(real: Flask) -> None:
    """Authentik and others: a TOTP was checked first and marked as used later."""
    phone = plant_app(real)
    with time_machine.travel(NOON, tick=False) as clock:
        for _round in range(ROUNDS):
            clock.shift(60)
            forms = [(visitor, visitor.fill(SECOND)) for visitor in (begun(real), begun(real))]
            before, code = len(account(real).sessions), {"code": phone.code()}
            answers = in_parallel(
                *(partial(visitor.client.post, SECOND, data=form | code) for visitor, form in forms)
            )
            assert sorted(answer.status_code for answer in answers) == [302, 422]
            assert sum(is_signed_in(visitor) for visitor, _form in forms) == 1
            assert len(account(real).sessions) == before + 1


def test_a_recovery_code_counts_once_when_two_browsers_send_it_at_the_same_moment(
    real: Flask,
) -> None:
    plant_app(real)
    for code in plant_codes(real)[:ROUNDS]:
        forms = [(visitor, visitor.fill(SECOND)) for visitor in (begun(real), begun(real))]
        answers = in_parallel(
            *(
                partial(visitor.client.post, SECOND, data=form | {"code": code})
                for visitor, form in forms
            )
        )
        assert sorted(answer.status_code for answer in answers) == [302, 422]


def test_an_assertion_counts_once_when_it_is_sent_twice_at_the_same_moment(real: Flask) -> None:
    """A copied cookie has the same challenge, so the guard of the update must refuse it."""
    key = plant_passkey(real)
    for _round in range(ROUNDS):
        visitor = Visitor(real)
        credential = key.get(options_for(visitor))
        form = visitor.fill(PASSKEY, on="/login", credential=credential)
        both = visitor, visitor.copy()
        answers = in_parallel(*(partial(sender.client.post, PASSKEY, data=form) for sender in both))
        assert sorted(answer.status_code for answer in answers) == [302, 422]


@pytest.mark.parametrize(
    "spell",
    [
        lambda code: f"{code[:3]} {code[3:]}",
        lambda code: f"{code}\n",
        lambda code: "".join(chr(ord(digit) - ord("0") + ord("\uff10")) for digit in code),
        lambda code: "".join(chr(ord(digit) - ord("0") + 0x1D7CE) for digit in code),
    ],
    ids=["space", "line break", "full-width", "mathematical"],
)
def test_a_used_code_is_not_accepted_again_in_another_spelling(
    app: Flask, confirmed: Visitor, spell: Callable[[str], str]
) -> None:
    """django-allauth 65.13: a used TOTP was remembered as typed, so another spelling of it worked
    again."""
    with time_machine.travel(NOON, tick=False):
        phone = plant_app(app)
        code, later = phone.code(), begun(app)
        assert second_step(begun(app), code).location == "/"
        assert_refused(second_step(later, spell(code)))
        assert not is_signed_in(later)


def test_a_copied_cookie_cannot_repeat_the_second_step(app: Flask, confirmed: Visitor) -> None:
    """The cookie between the steps is no session, and the code in the form was used."""
    phone, visitor = plant_app(app), begun(app)
    form = visitor.fill(SECOND) | {"code": phone.code()}
    thief = visitor.copy()
    assert visitor.client.post(SECOND, data=form).location == "/"
    assert_refused(thief.client.post(SECOND, data=form))
    assert not is_signed_in(thief)


def test_a_challenge_is_used_up_by_a_refused_answer(app: Flask, confirmed: Visitor) -> None:
    key, visitor = plant_passkey(app), Visitor(app)
    options = options_for(visitor)
    visitor.submit(PASSKEY, on="/login", credential="{}")
    assert_refused(visitor.submit(PASSKEY, on="/login", credential=key.get(options)))


def test_an_older_challenge_than_the_last_one_is_refused(app: Flask, confirmed: Visitor) -> None:
    key, visitor, thief = plant_passkey(app), Visitor(app), Visitor(app)
    older = key.get(options_for(thief))
    assert use_passkey(visitor, key).location == "/"
    assert_refused(thief.submit(PASSKEY, on="/login", credential=older))


def test_a_challenge_expires_after_five_minutes(app: Flask, confirmed: Visitor) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        key, visitor = plant_passkey(app), Visitor(app)
        credential = key.get(options_for(visitor))
        clock.shift(5 * 60 + 1)
        assert_refused(visitor.submit(PASSKEY, on="/login", credential=credential))


# Limits


def test_anonymous_passkey_attempts_do_not_use_up_the_codes_of_an_account(
    make_app: MakeApp,
) -> None:
    """django-allauth 65.14: anonymous WebAuthn attempts counted against the account, so a stranger
    could block its TOTP."""
    app = make_app(RATELIMIT_CLIENT="10 per 15 minutes")
    confirmed_in(app)
    phone, key, stranger = plant_app(app), plant_passkey(app), Visitor(app)
    key.origin = "https://evil.example"
    statuses = [use_passkey(stranger, key).status_code for _try in range(11)]
    assert statuses == [422] * 10 + [429]
    owner = begun(app)
    assert second_step(owner, phone.code()).location == "/"


def test_a_full_limit_of_passkeys_says_how_long_to_wait(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(RATELIMIT_CLIENT="1 per 15 minutes"))
    assert visitor.submit(PASSKEY, on="/login", credential="{}").status_code == 422
    answer = visitor.submit(PASSKEY, on="/login", credential="{}")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "try again" in alert(answer)


def test_a_stranger_without_the_password_cannot_use_up_the_codes(
    app: Flask, confirmed: Visitor
) -> None:
    phone, stranger, owner = plant_app(app), Visitor(app), begun(app)
    for _try in range(15):
        assert stranger.sign_in(ADA, WRONG).status_code in {422, 429}
        assert stranger.forge(SECOND, {"code": "000000"}).location == "/login"
    assert second_step(owner, phone.code()).location == "/"


def test_parallel_wrong_codes_do_not_exceed_the_limit(real: Flask) -> None:
    """Devise CVE-2019-5421, with codes: parallel attempts counted as one."""
    plant_app(real)
    visitor = begun(real)
    form = visitor.fill(SECOND) | {"code": "000000"}
    copies = [visitor.copy() for _ in range(16)]
    answers = in_parallel(*(partial(copy.client.post, SECOND, data=form) for copy in copies))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(422), statuses.count(429)) == (10, 6)


def test_signing_in_again_gives_no_new_tries(app: Flask, confirmed: Visitor) -> None:
    """Keycloak CVE-2024-7318 and others: each new sign-in allowed more codes."""
    plant_app(app)
    tries = (visitor for visitor in (begun(app), begun(app)) for _try in range(6))
    statuses = [second_step(visitor, "000000").status_code for visitor in tries]
    assert statuses == [422] * 10 + [429] * 2


def test_the_rule_of_codes_is_named_by_the_account_and_never_by_the_address(
    app: Flask, confirmed: Visitor
) -> None:
    """Otherwise a registration of that address elsewhere could share the limit."""
    user = account(app)
    with app.test_request_context():
        attempts = rate_limits.second_factor_of(user, Client("192.0.2.7", "", "new"))
    assert {attempt.key for attempt in attempts if attempt} == {"192.0.2.7", str(user.id)}


# What strangers learn


def test_an_aborted_sign_in_does_not_show_which_factors_exist(
    app: Flask, confirmed: Visitor
) -> None:
    """Authentik CVE-2024-11623 and django-allauth: a sign-in that was begun and left told
    strangers about the factors."""
    plant_app(app)
    plant_passkey(app)
    with time_machine.travel(NOON, tick=False) as clock:
        visitor, stranger = begun(app), Visitor(app)
        clock.shift(5 * 60 + 1)
        assert visitor.get(SECOND).location == stranger.get(SECOND).location == "/login"
        aborted, other = options_for(visitor), options_for(stranger)
        assert aborted["allowCredentials"] == other["allowCredentials"] == []


def test_a_wrong_password_shows_nothing_about_factors(
    app: Flask, confirmed: Visitor, new_visitor: NewVisitor
) -> None:
    before = new_visitor().sign_in(ADA, WRONG)
    plant_app(app)
    plant_passkey(app)
    visitor = new_visitor()
    after = visitor.sign_in(ADA, WRONG)
    assert (after.status_code, alert(after)) == (before.status_code, alert(before))
    assert set(visitor.cookie()) == {"csrf_token"}
    assert options_for(visitor)["allowCredentials"] == []
    assert visitor.get(SECOND).location == "/login"


def _shape(answer: TestResponse) -> tuple[object, ...]:
    page = soup(answer)
    for field in page.select("input[type=hidden]"):
        field.decompose()
    return answer.status_code, str(page), sorted(dict(answer.headers))


def test_an_unknown_passkey_gets_the_answer_of_an_invalid_one(
    app: Flask, confirmed: Visitor
) -> None:
    """A stranger cannot find out whether a credential id, or a user handle, is known here."""
    key, unknown = plant_passkey(app), SoftwareAuthenticator()
    impostor = SoftwareAuthenticator()
    impostor.id, impostor.user_handle = key.id, key.user_handle
    known_handle = SoftwareAuthenticator()
    known_handle.user_handle = key.user_handle
    shapes = [
        _shape(use_passkey(Visitor(app), other)) for other in (unknown, impostor, known_handle)
    ]
    assert shapes[0] == shapes[1] == shapes[2]
    assert shapes[0][0] == 422


# Assertions


def test_user_verification_is_checked_where_it_counts(app: Flask, confirmed: Visitor) -> None:
    """Keycloak and django-allauth: user verification was asked for, and not checked."""
    key, visitor = plant_passkey(app), Visitor(app)
    key.verifies = False
    assert_refused(use_passkey(visitor, key))
    assert not is_signed_in(visitor)
    assert account(app).passkeys[0].used_on is None


@pytest.mark.parametrize("begin", [True, False], ids=["second step", "alone"])
@pytest.mark.parametrize(
    "cheat",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:5001"},
        {"origin": "http://localhost:5000.evil.example"},
        {"origin": "null"},
        {"origin": None},
        {"type": "webauthn.create"},
        {"challenge": "AAAA"},
        {"challenge": ""},
        {"challenge": 7},
    ],
    ids=str,
)
def test_a_foreign_assertion_is_refused(
    app: Flask, confirmed: Visitor, cheat: dict[str, Any], begin: bool
) -> None:
    key = plant_passkey(app)
    visitor = begun(app) if begin else Visitor(app)
    assert_refused(use_passkey(visitor, key, on=SECOND if begin else "/login", **cheat))
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("begin", [True, False], ids=["second step", "alone"])
@pytest.mark.parametrize(
    "cheat",
    [{"rp_id": "evil.example"}, {"present": False}, {"user_handle": b"another handle"}],
    ids=str,
)
def test_an_authenticator_that_cheats_is_refused(
    app: Flask, confirmed: Visitor, cheat: dict[str, Any], begin: bool
) -> None:
    key = plant_passkey(app)
    for name, value in cheat.items():
        setattr(key, name, value)
    visitor = begun(app) if begin else Visitor(app)
    assert_refused(use_passkey(visitor, key, on=SECOND if begin else "/login"))
    assert not is_signed_in(visitor)


def test_another_accounts_passkey_does_not_finish_a_sign_in(app: Flask, confirmed: Visitor) -> None:
    """Flask-Security and django-allauth: the credential of any account ended the second step."""
    plant_app(app)
    confirmed_in(app, EVE)
    eves_key = plant_passkey(app, EVE)
    visitor = begun(app)
    for handle in (account(app, EVE).id, account(app).id):
        eves_key.user_handle = handle.binary
        credential = eves_key.get(options_for(visitor))
        assert_refused(visitor.forge(PASSKEY, {"credential": credential}))
        assert not is_signed_in(visitor)


def test_only_in_the_second_step_a_passkey_may_leave_the_account_out(
    app: Flask, confirmed: Visitor
) -> None:
    """WebAuthn level 3, 7.2, step 6: alone, the answer must name the account."""
    key = plant_passkey(app)
    key.user_handle = None
    alone, second = Visitor(app), begun(app)
    assert_refused(use_passkey(alone, key))
    assert not is_signed_in(alone)
    use_passkey(second, key, on=SECOND)
    assert is_signed_in(second)


def test_the_user_handle_does_not_choose_the_account(app: Flask, confirmed: Visitor) -> None:
    plant_passkey(app)
    confirmed_in(app, EVE)
    eves_key, visitor = plant_passkey(app, EVE), Visitor(app)
    eves_key.user_handle = account(app).id.binary
    assert_refused(use_passkey(visitor, eves_key))
    assert not is_signed_in(visitor)


def test_a_counter_that_goes_backwards_is_refused_and_reported(
    app: Flask, confirmed: Visitor, mailbox: Mailbox
) -> None:
    key, visitor = plant_passkey(app, key=SoftwareAuthenticator(counter=5)), Visitor(app)
    assert use_passkey(visitor, key).location == "/"
    clone = Visitor(app)
    for counter in (4, 5):  # the authenticator adds one, so the second repeats the last value
        key.counter = counter
        assert_refused(use_passkey(clone, key))
    assert not is_signed_in(clone)
    kinds = [letter["kind"] for letter in documents(app)[0]["outbox"]]
    assert kinds.count("passkey_cloned") == 1


def _of(key: SoftwareAuthenticator, **response: object) -> Callable[[dict[str, Any]], str]:
    """The answer of a key with other values in it; None removes one."""

    def made(options: dict[str, Any]) -> str:
        answer = json.loads(key.get(options))
        changed = answer["response"] | response
        answer["response"] = {name: value for name, value in changed.items() if value is not None}
        return json.dumps(answer)

    return made


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


_HEAD = 37  # bytes of authenticator data without extensions
JUNK: list[Any] = [
    "",
    "x",
    "null",
    "7",
    "[]",
    "{}",
    '"text"',
    "\x00",
    "[" * 10_000,
    '{"id":' * 3_000,
    "{" + '"a":"' + "b" * 10_000 + '"}',
    "a" * 40_000,
    '{"id": "\\ud800", "rawId": "\\ud800", "type": "public-key", "response": {}}',
    '{"id": {"$ne": 1}, "rawId": {"$gt": ""}, "type": "public-key", "response": {}}',
    '{"id": "a", "rawId": "a", "type": "public-key", "response": null}',
]
ODD_RESPONSES: list[dict[str, object]] = [
    {"clientDataJSON": None},
    {"clientDataJSON": _b64(b"\xff\xfe")},
    {"clientDataJSON": _b64(b"[" * 5_000)},
    {"clientDataJSON": _b64(b"null")},
    {"clientDataJSON": _b64(b"7")},
    {"clientDataJSON": 7},
    {"authenticatorData": None},
    {"authenticatorData": ""},
    {"authenticatorData": _b64(bytes(_HEAD - 1))},
    {"authenticatorData": _b64(bytes(32) + b"\xff" + bytes(4))},
    # Extensions and a credential in nested or endless CBOR.
    {"authenticatorData": _b64(bytes(32) + b"\x85" + bytes(4) + b"\x81" * 8_000)},
    {"authenticatorData": _b64(bytes(32) + b"\x85" + bytes(4) + b"\xbf" * 8_000)},
    {"authenticatorData": _b64(bytes(32) + b"\x85" + bytes(4) + b"\x9b" + b"\xff" * 8)},
    {"authenticatorData": _b64(bytes(32) + b"\xc5" + bytes(20) + b"\xff\xff" + b"\xa1")},
    {"authenticatorData": ["a"]},
    {"signature": None},
    {"signature": ""},
    {"signature": _b64(b"0\x06\x02\x01\x01\x02\x01\x01")},
    {"signature": "=" * 50},
    {"userHandle": 7},
    {"userHandle": "é"},
    {"userHandle": "a" * 9_000},
]


@pytest.mark.parametrize("begin", [True, False], ids=["second step", "alone"])
def test_junk_is_refused_with_a_sentence(app: Flask, confirmed: Visitor, begin: bool) -> None:
    plant_passkey(app)
    visitor = begun(app) if begin else Visitor(app)
    for junk in JUNK:
        options_for(visitor)
        on = SECOND if begin else "/login"
        assert_refused(visitor.submit(PASSKEY, on=on, credential=junk))
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("begin", [True, False], ids=["second step", "alone"])
def test_an_odd_answer_of_a_known_passkey_is_refused_with_a_sentence(
    app: Flask, confirmed: Visitor, begin: bool
) -> None:
    key = plant_passkey(app)
    visitor = begun(app) if begin else Visitor(app)
    for response in ODD_RESPONSES:
        credential = _of(key, **response)(options_for(visitor))
        on = SECOND if begin else "/login"
        assert_refused(visitor.submit(PASSKEY, on=on, credential=credential))
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("name", ["credential", "code", "next", "remember", "trust_browser"])
def test_missing_repeated_and_odd_fields_are_no_error(
    app: Flask, confirmed: Visitor, name: str
) -> None:
    plant_app(app)
    for path in (SECOND, PASSKEY):
        for value in ("", "\x00", "x" * 10_000, ["a", "b"]):
            answer = begun(app).forge(path, {name: value})
            assert_refused(answer)


@pytest.mark.parametrize(
    "cookie",
    [
        {"second_step": "x"},
        {"second_step": ["x", 1, "x", True, "/"]},
        {"second_step": ["6b097c40ed911574dc4b4869", 10**30, "x", True, "/"]},
        {"second_step": [{}, [], None, 1, 2]},
        {"challenge": "x"},
        {"challenge": ["x", "y", "z"]},
        {"challenge": ["é", 10**30, False]},
        {"challenge": [{}, 1, False]},
    ],
    ids=str,
)
def test_an_odd_cookie_counts_as_none(app: Flask, confirmed: Visitor, cookie: object) -> None:
    key, visitor = plant_passkey(app), Visitor(app)
    credential = key.get(options_for(visitor))
    token = visitor.fill(PASSKEY, on="/login")["csrf_token"]
    with visitor.client.session_transaction() as session:
        session.pop("challenge")
        session.update(cookie)  # type: ignore[call-overload]
    assert visitor.get(SECOND).location == "/login"
    data = {"csrf_token": token, "credential": credential}
    assert_refused(visitor.client.post(PASSKEY, data=data))
    assert visitor.get(OPTIONS).status_code == 200


def test_the_cookie_between_the_steps_cannot_be_forged(app: Flask, confirmed: Visitor) -> None:
    plant_app(app)
    visitor = begun(app)
    cookie = visitor.client.get_cookie("session")
    assert cookie is not None
    at = len(cookie.value) // 4
    other = "A" if cookie.value[at] != "A" else "B"
    forged = f"{cookie.value[:at]}{other}{cookie.value[at + 1 :]}"
    visitor.client.set_cookie("session", forged)
    assert visitor.get(SECOND).location == "/login"


# Around the second factor


def test_a_password_reset_does_not_sign_in_around_the_second_factor(
    app: Flask, confirmed: Visitor, mailbox: Mailbox
) -> None:
    """The reset of all peers goes around the second factor."""
    plant_app(app)
    thief = Visitor(app)
    thief.submit("/forgot", email=ADA)
    link = mailbox.newest(ADA, "password").link
    assert thief.submit(link, password=PHRASE, confirm=PHRASE).location == "/login"
    assert not is_signed_in(thief)
    assert thief.sign_in(ADA, PHRASE).location == SECOND
    assert account(app).totp is not None


def test_no_link_and_no_code_of_a_mail_signs_in_around_the_second_factor(
    app: Flask, visitor: Visitor, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    visitor.register(ADA)
    first = mailbox.newest(ADA)
    digits = re.search(r"^\s*(\d{3} ?\d{3})\s*$", first.text, re.MULTILINE)
    assert digits is not None
    visitor.submit(first.link)
    plant_app(app)
    visitor.submit("/profile/email", email=NEW, current_password=PASSWORD)
    visitor.submit(mailbox.newest(NEW).link)
    undo = mailbox.newest(ADA).link
    thief = new_visitor()
    for path in (first.link, undo, f"{first.link}/again", "/unconfirmed/code"):
        thief.forge(path, {"password": PASSWORD, "code": digits.group(1)})
        assert not is_signed_in(thief), path
        assert thief.get(SECOND).location == "/login", path


def test_a_browser_that_the_account_knows_is_asked_too(app: Flask, confirmed: Visitor) -> None:
    """Only a person who says so is not asked again. "Keep me signed in" says nothing about it."""
    phone = plant_app(app)
    confirmed.sign_out()
    assert confirmed.sign_in(ADA, remember="y").location == SECOND
    assert second_step(confirmed, phone.code()).location == "/"
    confirmed.sign_out()
    assert confirmed.sign_in(ADA, remember="y").location == SECOND


def test_a_session_of_a_trusted_browser_is_no_trust_for_a_copied_cookie(
    app: Flask, confirmed: Visitor
) -> None:
    """A stolen session cookie has no cookie of a known browser."""
    phone, visitor = plant_app(app), begun(app)
    assert second_step(visitor, phone.code(), trust_browser="y").location == "/"
    thief = visitor.copy()
    visitor.sign_out()
    assert thief.sign_in(ADA).location == SECOND


def test_a_trusted_browser_does_not_waive_the_password(app: Flask, confirmed: Visitor) -> None:
    """Authentik: a trusted browser skipped the first factor, too."""
    phone, visitor = plant_app(app), begun(app)
    assert second_step(visitor, phone.code(), trust_browser="y").location == "/"
    visitor.sign_out()
    assert visitor.sign_in(ADA, WRONG).status_code == 422
    assert visitor.get(SECOND).location == "/login"
    assert not is_signed_in(visitor)


def test_a_trusted_browser_is_not_trusted_by_another_account(
    app: Flask, confirmed: Visitor
) -> None:
    confirmed_in(app, EVE)
    eves_phone, visitor = plant_app(app, EVE), begun(app, EVE)
    plant_app(app)
    assert second_step(visitor, eves_phone.code(), trust_browser="y").location == "/"
    visitor.sign_out()
    assert visitor.sign_in(ADA).location == SECOND


def test_a_trusted_browser_is_void_after_a_password_change(app: Flask, confirmed: Visitor) -> None:
    """Keycloak and others: a remembered device outlived the password."""
    phone, visitor = plant_app(app), begun(app)
    assert second_step(visitor, phone.code(), trust_browser="y").location == "/"
    fields = {"current_password": PASSWORD, "password": PHRASE, "confirm": PHRASE}
    assert visitor.submit("/profile/password", **fields).location == "/profile"
    visitor.sign_out()
    assert visitor.sign_in(ADA, PHRASE).location == SECOND


def test_the_second_step_of_one_account_does_not_sign_in_to_another(
    app: Flask, confirmed: Visitor
) -> None:
    confirmed_in(app, EVE)
    phone, _eves_phone = plant_app(app), plant_app(app, EVE)
    visitor = begun(app)
    visitor.forge("/login", {"email": EVE, "password": PASSWORD})
    assert_refused(second_step(visitor, phone.code()))
    assert not is_signed_in(visitor)


def test_a_factor_that_comes_between_look_up_and_update_is_not_skipped(
    app: Flask, confirmed: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a sign-in that was begun before could finish with the password alone."""
    phones = list[AuthenticatorApp]()

    def slow(password: str, stored: str) -> bool:
        if not phones:
            phones.append(plant_app(app))
        return verify_password(password, stored)

    visitor = Visitor(app)
    form = visitor.fill("/login", email=ADA, password=PASSWORD)
    monkeypatch.setattr("app.flows.sign_in.verify_password", slow)
    assert visitor.client.post("/login", data=form).location == SECOND
    assert not is_signed_in(visitor)


def test_the_pages_between_the_steps_are_not_stored_by_browsers(
    app: Flask, confirmed: Visitor
) -> None:
    plant_app(app)
    assert begun(app).get(SECOND).headers["Cache-Control"] == "no-store"
