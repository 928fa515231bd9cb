"""Session cookies that the app has not made."""

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from werkzeug.http import dump_cookie

from tests.visitor import PASSWORD, Visitor
from tests.web.pages import documents

ABSENT = "0" * 24

_IDS = [
    "x",
    "",
    ".",
    ABSENT,
    f"{ABSENT}.",
    f"{ABSENT}.x",
    f"{ABSENT}.x.y",
    "\x00",
    "é" * 24,
    "a" * 3000,
    {"$ne": None},
    {"$gt": ""},
    ["x"],
    [ABSENT, "x"],
    5,
    1.5,
    True,
    None,
]
_PAYLOADS = ["x", "", [], ["x"], [["_user_id", "x"]], [[1, 2, 3]], 5, 1.5, True, None, {"$ne": 1}]


def _with_session(app: Flask, payload: object) -> Visitor:
    visitor = Visitor(app)
    interface = app.session_interface
    assert isinstance(interface, SecureCookieSessionInterface)
    serializer = interface.get_signing_serializer(app)
    assert serializer is not None
    visitor.client.set_cookie("session", str(serializer.dumps(payload)))
    return visitor


def _assert_anonymous(visitor: Visitor) -> None:
    home = visitor.get("/")
    assert home.status_code == 200
    assert "Sign up" in home.text
    assert "Sign out" not in home.text
    assert visitor.get("/profile").location == "/login?next=%2Fprofile"
    assert visitor.get("/unconfirmed").location == "/login?next=%2Funconfirmed"
    assert visitor.get("/login").status_code == 200


@pytest.mark.parametrize("user_id", _IDS, ids=lambda value: repr(value)[:30])
def test_a_session_that_names_no_account_is_anonymous(app: Flask, user_id: object) -> None:
    _assert_anonymous(_with_session(app, {"_user_id": user_id, "_fresh": True}))


@pytest.mark.parametrize("payload", _PAYLOADS, ids=repr)
def test_a_session_that_is_not_a_mapping_is_anonymous(app: Flask, payload: object) -> None:
    _assert_anonymous(_with_session(app, payload))


@pytest.mark.parametrize("payload", [b"", b"garbage", b".garbage", b"bnVsbA", b"e30"])
def test_a_signed_payload_that_cannot_be_read_is_anonymous(app: Flask, payload: bytes) -> None:
    interface = app.session_interface
    assert isinstance(interface, SecureCookieSessionInterface)
    serializer = interface.get_signing_serializer(app)
    assert serializer is not None
    visitor = Visitor(app)
    signed = serializer.make_signer(serializer.salt).sign(payload)
    visitor.client.set_cookie("session", signed.decode())
    _assert_anonymous(visitor)


@pytest.mark.parametrize("value", ["x", "", "a.b.c", "é", "%00", "=;=", '"', "a" * 8_000])
@pytest.mark.parametrize("name", ["session", "remember_token"])
def test_a_cookie_without_a_valid_signature_is_anonymous(
    visitor: Visitor, name: str, value: str
) -> None:
    header = dump_cookie(name, value, path=None, max_size=0)
    # A client with its own cookie jar would drop the header.
    client = visitor.app.test_client(use_cookies=False)
    home = client.get("/", headers={"Cookie": header})
    assert home.status_code == 200
    assert "Sign up" in home.text


def test_a_cookie_signed_with_sha_1_is_anonymous(app: Flask, confirmed: Visitor) -> None:
    """ASVS 11.4.1."""
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    visitor = Visitor(app)
    visitor.client.set_cookie("session", str(serializer.dumps(confirmed.cookie())))
    _assert_anonymous(visitor)


def test_a_person_with_an_invalid_cookie_can_sign_in(app: Flask, confirmed: Visitor) -> None:
    visitor = _with_session(app, {"_user_id": {"$ne": 1}})
    assert visitor.sign_in("ada@example.com").location == "/"
    assert visitor.get("/profile").status_code == 200


def test_the_session_of_one_account_does_not_open_another(
    app: Flask, confirmed: Visitor, visitor: Visitor
) -> None:
    visitor.register("bob@example.com", PASSWORD)
    ids = [str(who.cookie()["_user_id"]).partition(".") for who in (confirmed, visitor)]
    (ada, _, _), (_, _, bobs_session) = ids
    _assert_anonymous(_with_session(app, {"_user_id": f"{ada}.{bobs_session}"}))
    assert len(documents(app)) == 2
