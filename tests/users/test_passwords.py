"""Which passwords are accepted, and that every character of a password counts."""

import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.users.passwords import (
    MAX_LENGTH,
    WeaknessKind,
    decoy_hash,
    hash_password,
    hash_rounds,
    verify_password,
    weakness,
)

ROUNDS = 4  # the minimum of bcrypt
# Every Python string, with NUL and lone surrogates.
texts = st.text(st.characters(exclude_categories=()))

STRONG = [
    "kV9#tq2L",
    "8305916274",
    "correcthorsebatterystaple",
    "correct horse battery staple",
    "  leading and trailing blanks  ",
    "пароль для входа номер 7",
    "密码很长的一个短语吧",
    "👩‍🚀🪐🌋🦖🧿🪓🫧🦑",
    "kV9#\0tq2L",
    "kV9#\ud800tq2L",
    "'; DROP TABLE users; --",
    "<script>alert(1)</script>",
]
WEAK = [
    "password",
    "Passw0rd",
    "P@ssw0rd!",
    "12345678",
    "11111111",
    "aaaaaaaa",
    "abcdefgh",
    "abcabcabc",
    "        ",
    "\0\0\0\0\0\0\0\0",
    "qwertyuiop",
    "1q2w3e4r",
    "zxcvbnm,./",
    "iloveyou1",
    "letmein123",
    "trustno1",
    "sunshine",
    "administrator",
    "welcome1",
    "19901990",
    "password" * 32,
    "ｐａｓｓｗｏｒｄ",
]


@pytest.mark.parametrize("password", STRONG)
def test_a_strong_password_of_any_characters_is_accepted(password: str) -> None:
    assert weakness(password) is None


@pytest.mark.parametrize("password", WEAK)
def test_a_password_that_is_easy_to_guess_is_refused(password: str) -> None:
    found = weakness(password)
    assert found
    assert found.kind is WeaknessKind.GUESSABLE


@pytest.mark.parametrize(
    ("password", "own_words"),
    [
        ("ada@example.com", ["ada@example.com"]),
        ("AdaLovelace1", ["adalovelace"]),
        ("adalovelace", ["AdaLovelace"]),
        ("ecalevolada", ["adalovelace"]),
        ("4d4l0v3l4c3", ["adalovelace"]),
        ("adalovelace", ["ａｄａｌｏｖｅｌａｃｅ"]),
        ("ａｄａｌｏｖｅｌａｃｅ", ["adalovelace"]),
        ("Latchkey2026", ["Latchkey"]),
        ("margaret.hamilton@apollo.example.org", ["margaret.hamilton@apollo.example.org"]),
    ],
)
def test_a_password_made_of_the_persons_own_words_is_refused(
    password: str, own_words: list[str]
) -> None:
    assert weakness(password, own_words)


def test_the_words_of_one_person_do_not_count_for_another() -> None:
    assert weakness("zzyzxroadhouse", ["zzyzxroadhouse"])
    assert weakness("zzyzxroadhouse") is None


def test_parallel_requests_do_not_mix_up_the_words() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            words = [["zzyzxroadhouse"], []] * 200
            judged = list(pool.map(weakness, ["zzyzxroadhouse"] * 400, words))
        assert all(judged[0::2])
        assert not any(judged[1::2])
    finally:
        sys.setswitchinterval(interval)


SEVEN, EIGHT = "kV9#tq2", "kV9#tq2L"
LONG = "".join(chr(0x4E00 + 37 * n) for n in range(256))


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        ("", False),
        (SEVEN, False),
        (EIGHT, True),
        ("kV9#tqe\u0301", False),  # 8 code points, which NFKC composes to 7
        ("kV9#t\ufb03", True),  # one ligature, three letters
        (LONG, True),
        (LONG + "x", False),
        (LONG[:-1] + "\ufb03", False),
        ("x" * 1_000_000, False),
        ("\ufdfa" * 21_000, False),  # fits into a form, and NFKC makes it 18 times as long
    ],
)
def test_a_password_has_8_to_256_characters_after_nfkc(password: str, taken: bool) -> None:
    assert (weakness(password) is None) is taken


@pytest.mark.parametrize(
    ("password", "kind"),
    [
        ("", WeaknessKind.TOO_SHORT),
        (SEVEN, WeaknessKind.TOO_SHORT),
        (LONG + "x", WeaknessKind.TOO_LONG),
        ("a" * (MAX_LENGTH + 1), WeaknessKind.TOO_LONG),
    ],
)
def test_a_refusal_names_a_wrong_length(password: str, kind: WeaknessKind) -> None:
    found = weakness(password)
    assert found
    assert found.kind is kind


@pytest.mark.parametrize("start", ["a" * 32, "password" * 4, "12345678" * 4])
def test_rating_a_password_reads_only_its_first_32_characters(start: str) -> None:
    """The time of zxcvbn grows exponentially with the length of a password made for that."""
    found = weakness(start + "kV9#tq2L" * 20)
    assert found
    assert found.kind is WeaknessKind.GUESSABLE


@given(texts, st.lists(texts, max_size=3))
def test_any_text_can_be_rated(password: str, own_words: list[str]) -> None:
    found = weakness(password, own_words)
    assert found is None or found.kind in WeaknessKind


@given(texts)
def test_any_password_is_verified_by_its_hash(password: str) -> None:
    assert verify_password(password, hash_password(password, ROUNDS))


@given(texts, texts)
def test_only_the_same_password_is_verified(password: str, other: str) -> None:
    same = unicodedata.normalize("NFKC", password) == unicodedata.normalize("NFKC", other)
    assert verify_password(other, hash_password(password, ROUNDS)) is same


@pytest.mark.parametrize(
    ("password", "other"),
    [
        ("🧿" * 63 + "🪐", "🧿" * 63 + "🌋"),
        ("x" * 72 + "a", "x" * 72 + "b"),
        ("x" * 255 + "a", "x" * 255 + "b"),
        ("secret\0one", "secret\0two"),
        ("secret\0", "secret"),
        ("secret ", "secret"),
        ("Secret", "secret"),
        ("\ud800secret", "\ud801secret"),
        ("\ud800secret", "?secret"),
        ("secret", ""),
    ],
)
def test_every_character_of_a_password_counts(password: str, other: str) -> None:
    assert not verify_password(other, hash_password(password, ROUNDS))


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("cafe\u0301 9#tq2", "caf\u00e9 9#tq2"),
        ("ｋＶ９#tq2L", "kV9#tq2L"),
        ("\u212bngström", "Ångström"),
    ],
)
def test_a_password_in_another_unicode_form_is_verified(here: str, there: str) -> None:
    assert verify_password(there, hash_password(here, ROUNDS))


def test_two_hashes_of_one_password_differ() -> None:
    assert hash_password(EIGHT, ROUNDS) != hash_password(EIGHT, ROUNDS)


@pytest.mark.parametrize("rounds", [4, 5, 10])
def test_a_hash_is_bcrypt_and_has_its_cost(rounds: int) -> None:
    stored = hash_password(EIGHT, rounds)
    assert stored.startswith(f"$2b${rounds:02}$")
    assert len(stored) == 60
    assert hash_rounds(stored) == hash_rounds(decoy_hash(rounds)) == rounds


def test_a_hash_of_the_first_release_is_verified() -> None:
    """No setting and no new version may lock people out."""
    stored = "$2b$04$F37mr353S9sISQu5j4oXsOZHz2T0zMB10c3Z3BXllKjaJtcku45fW"
    assert verify_password("correct horse battery staple", stored)


@given(texts)
def test_no_password_matches_the_decoy_hash(password: str) -> None:
    assert not verify_password(password, decoy_hash(ROUNDS))
