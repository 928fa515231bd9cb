"""Reading and signing links; everything else is refused."""

from datetime import timedelta
from hashlib import sha1, sha256
from itertools import product

import pytest
import time_machine
from bson import ObjectId
from hypothesis import example, given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from app.users.links import Link, LinkSigner, Purpose, Reading

KEY, OLD_KEY, SALT = "the key", "the key before it", "the salt"
USER_ID = ObjectId("0123456789abcdef01234567")
SIGNED = "2026-11-24 14:00:00Z"
DAMAGED = Link(Reading.DAMAGED)
# A lifetime for each purpose, no two the same.
MAX_AGE = {purpose: 3600 + n for n, purpose in enumerate(Purpose)}
each_purpose = pytest.mark.parametrize("purpose", Purpose)


def signer(*keys: str, salt: str = SALT) -> LinkSigner:
    return LinkSigner(keys or (KEY,), salt, MAX_AGE)


def mint(purpose: Purpose = Purpose.CONFIRM, by: LinkSigner | None = None) -> str:
    return (by or signer()).mint(purpose, USER_ID, "ada@example.com", 3)


def read(token: str, purpose: Purpose = Purpose.CONFIRM) -> Link:
    return signer().read(purpose, token)


@pytest.mark.parametrize(("minted", "opened"), list(product(Purpose, Purpose)))
def test_a_link_works_only_for_its_purpose(minted: Purpose, opened: Purpose) -> None:
    expected = Reading.VALID if minted is opened else Reading.DAMAGED
    assert read(mint(minted), opened).reading is expected


@each_purpose
def test_a_link_has_its_account_version_and_time(purpose: Purpose) -> None:
    with time_machine.travel(SIGNED, tick=False) as clock:
        link = read(mint(purpose), purpose)
        assert link.signed_on is not None
        assert (link.user_id, link.email_key, link.version) == (USER_ID, "ada@example.com", 3)
        assert f"{link.signed_on:%Y-%m-%d %H:%M:%SZ}" == SIGNED
        clock.shift(1)
        assert read(mint(purpose), purpose).signed_on == link.signed_on + timedelta(seconds=1)


def test_a_token_needs_no_escaping_in_a_path() -> None:
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    token = signer().mint(Purpose.CONFIRM, USER_ID, "$ne+?%/@xn--bcher-kva.example", 1)
    assert set(token) <= allowed


# Lifetimes


@each_purpose
def test_a_link_lives_for_the_lifetime_of_its_purpose(purpose: Purpose) -> None:
    with time_machine.travel(SIGNED, tick=False) as clock:
        token = mint(purpose)
        clock.shift(MAX_AGE[purpose])
        assert read(token, purpose).reading is Reading.VALID
        clock.shift(1)
        expired = read(token, purpose)
        assert expired.reading is Reading.EXPIRED
        assert expired.user_id == USER_ID, "the page can offer a new mail"


@each_purpose
@pytest.mark.parametrize(
    ("ahead", "reading"), [(1, "VALID"), (60, "VALID"), (61, "DAMAGED"), (86400, "DAMAGED")]
)
def test_a_link_from_a_clock_up_to_a_minute_ahead_is_accepted(
    purpose: Purpose, ahead: int, reading: str
) -> None:
    with time_machine.travel(SIGNED, tick=False) as clock:
        token = mint(purpose)
        clock.shift(-ahead)
        assert read(token, purpose).reading is Reading[reading]


# Keys


def test_a_link_signed_with_a_former_key_is_accepted_until_the_key_is_dropped() -> None:
    token = mint(by=signer(OLD_KEY))
    assert signer(OLD_KEY, KEY).read(Purpose.CONFIRM, token).reading is Reading.VALID
    assert signer(KEY).read(Purpose.CONFIRM, token) == DAMAGED


def test_the_newest_key_signs() -> None:
    token = mint(by=signer(OLD_KEY, KEY))
    assert signer(KEY).read(Purpose.CONFIRM, token).reading is Reading.VALID
    assert signer(OLD_KEY).read(Purpose.CONFIRM, token) == DAMAGED


@each_purpose
@pytest.mark.parametrize("foreign", [signer("another key"), signer(salt="another salt")])
def test_the_link_of_another_installation_is_refused(purpose: Purpose, foreign: LinkSigner) -> None:
    assert read(mint(purpose, foreign), purpose) == DAMAGED


@each_purpose
@pytest.mark.parametrize("salt", ["cookie-session", "wtf-csrf-token", SALT, f"{SALT}:"])
@pytest.mark.parametrize("digest", [sha1, sha256])
@pytest.mark.parametrize("kind", [URLSafeTimedSerializer, URLSafeSerializer])
def test_a_token_signed_for_another_use_is_refused(
    purpose: Purpose, salt: str, digest: object, kind: type[URLSafeSerializer]
) -> None:
    method = {"digest_method": digest, "key_derivation": "hmac"}
    token = kind(KEY, salt=salt, signer_kwargs=method).dumps([str(USER_ID), "ada@example.com", 3])
    assert read(str(token), purpose) == DAMAGED


# Damage


def test_a_truncated_link_is_refused() -> None:
    token = mint()
    assert {read(token[:end]) for end in range(len(token))} == {DAMAGED}
    assert {read(token[start:]) for start in range(1, len(token))} == {DAMAGED}


def test_a_link_with_any_flipped_bit_is_refused() -> None:
    """Base64 has several spellings of one signature; only one is accepted."""
    with time_machine.travel(SIGNED, tick=False):
        tokens = [signer().mint(Purpose.CONFIRM, USER_ID, "ada@example.com", n) for n in range(20)]
        for token in tokens:
            flipped = {
                token[:at] + chr(ord(token[at]) ^ 1 << bit) + token[at + 1 :]
                for at in range(len(token))
                for bit in range(7)
            }
            assert {read(text) for text in flipped} == {DAMAGED}


@pytest.mark.parametrize("extra", ["=", " ", "!", "é", "\0", "\n", "."])
def test_a_link_with_added_characters_is_refused(extra: str) -> None:
    token = mint()
    for at in (0, 1, token.index("."), len(token) - 5, len(token)):
        assert read(token[:at] + extra + token[at:]) == DAMAGED


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "None",
        "null",
        "\0",
        "a\0b.c.d",
        "\ud800",
        "é.é.é",
        "../../etc/passwd",
        "%2e%2e",
        "<script>alert(1)</script>",
        "x" * 100_000,
        "." * 100_000,
        "A" * 50_000 + "." + "A" * 50_000,
        ".eJwDAAAAAAE.aaaaaa.bbbbbb",
        "é" * 50_000,
    ],
)
def test_text_that_is_not_a_link_is_refused(text: str) -> None:
    assert read(text) == DAMAGED


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert read(text) == DAMAGED


@given(st.integers(0, 200), st.text(st.characters(exclude_categories=()), max_size=5))
@example(115, ":\x80")
def test_every_change_to_a_link_is_noticed(at: int, put: str) -> None:
    token = mint()
    changed = token[:at] + put + token[at + len(put) :]
    assert (read(changed) == DAMAGED) is (changed != token)


def test_a_link_with_forged_content_is_refused() -> None:
    """The content is readable, so an attacker can put in another id or version."""
    _content, signed_on, signature = mint().split(".")
    for content in ([str(ObjectId()), "ada@example.com", 3], [str(USER_ID), "ada@example.com", 4]):
        forged = URLSafeSerializer("a guess").dumps(content)
        body = str(forged).partition(".")[0]
        assert read(f"{body}.{signed_on}.{signature}") == DAMAGED
