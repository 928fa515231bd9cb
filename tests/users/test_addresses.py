"""Which addresses are accepted, and which spellings are one account."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.users.addresses import Address, AddressError, AddressProblem, parse_address, unwrapped

LONGEST = f"{'x' * 64}@{'d' * 61}.{'e' * 61}.{'f' * 61}.com"
ACCEPTED = [
    ("User+Tag@Example.COM", "user+tag@example.com"),
    ("  ada@example.com\t", "ada@example.com"),
    *(
        (f"{space}ada@example.com{space}", "ada@example.com")
        for space in "\u00a0\u2003\u202f\u3000"
    ),
    ("ADA@EXAMPLE.COM", "ada@example.com"),
    ("a@bücher.example", "a@xn--bcher-kva.example"),
    ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
    ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
    ("a@bu\u0308cher.example", "a@xn--bcher-kva.example"),
    ("a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"),
    ("ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ada@example.com"),
    ("ada@example。com", "ada@example.com"),
    ("\u212aim@example.com", "kim@example.com"),  # the sign for kelvin
    ("$ne@example.com", "$ne@example.com"),
    ("o'brien@example.com", "o'brien@example.com"),
    ("!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"),
    ("a.b-c_d@sub.example.co.uk", "a.b-c_d@sub.example.co.uk"),
    ("1@1.example", "1@1.example"),
    ("ada@example.test", "ada@example.test"),
    ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
    (LONGEST, LONGEST),
]
REFUSED = [
    "",
    " ",
    "@",
    "ada",
    "ada@",
    "@example.com",
    "ada@example",
    "ada@localhost",
    "ada@@example.com",
    "ada@bob@example.com",
    ".ada@example.com",
    "ada.@example.com",
    "a..da@example.com",
    "ada@.example.com",
    "ada@example.com.",
    "ada@example..com",
    "ada@-example.com",
    "ada@exam_ple.com",
    "ada@*.com",
    "ada@xn--0.com",
    # Characters that end a header or a command
    "ada@example.com\n",
    "ada@example.com\r\nBcc: eve@example.com",
    "ada\r@example.com",
    "\nada@example.com",
    "ada\0@example.com",
    "ada@example.com\0",
    "ada@example.com\x85",
    "ada@example.com\u2028",
    # Several addresses, or an address with other text
    "ada@example.com,eve@example.com",
    "ada@example.com, eve@example.com",
    "ada@example.com;eve@example.com",
    "ada@example.com eve@example.com",
    "Ada <ada@example.com>",
    "<ada@example.com>",
    "mailto:ada@example.com",
    "ada@example.com?bcc=eve@example.com",
    "(comment)ada@example.com",
    '"ada"@example.com',
    '"ada lovelace"@example.com',
    '"ada@home"@example.com',
    "ada@[192.0.2.1]",
    "ada@[IPv6:2001:db8::1]",
    "ada@192.0.2.1",
    # Addresses that look like another one
    "ada@exam\u200bple.com",
    "ada@exam\u00adple.com",
    "ada\u200d@example.com",
    "\ufeffada@example.com",
    "ada@\u202eexample.com",
    "ada@\u2060example.com",
    "ada@\u00a0example.com",
    *(f"ada@exam{char}ple.com" for char in "\u034f\u115f\u1160\u17b4\u180b\u180f\u3164\uffa0"),
    *(f"ada@exam{char}ple.com" for char in "\ufe00\ufe0f\U000e0001\U000e0100\U000e01ef"),
    # Local parts that most mail systems refuse
    "адa@example.com",
    "josé@example.com",
    "\u0131@example.com",
    "😀@example.com",
    "\ud800@example.com",
    "ada@\ud800.com",
    "ada@💩.com",
    # Too long
    "ada@" + "d" * 64 + ".com",
    "x" + LONGEST,
    "ada@" + "b." * 200 + "com",
    "x" * 1_000_000,
]


@pytest.mark.parametrize(("text", "key"), ACCEPTED)
def test_a_valid_address_has_one_key(text: str, key: str) -> None:
    address = parse_address(text)
    assert address.key == key
    assert address.typed == text.strip()


@pytest.mark.parametrize("text", REFUSED)
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError) as refused:
        parse_address(text)
    assert refused.value.problem in AddressProblem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ada@exam\u200bple.com", AddressProblem.INVISIBLE_CHARACTERS),
        ("ada@exam\u3164ple.com", AddressProblem.INVISIBLE_CHARACTERS),
        ("ada@example.com\r\nBcc: eve@example.com", AddressProblem.INVISIBLE_CHARACTERS),
        ("ada lovelace@example.com", AddressProblem.INVISIBLE_CHARACTERS),
        ("x" + LONGEST, AddressProblem.TOO_LONG),
        ("x" * 1_000_000, AddressProblem.TOO_LONG),
        ("", AddressProblem.NOT_AN_ADDRESS),
        ("ada@example", AddressProblem.NOT_AN_ADDRESS),
        ("jos\u00e9@example.com", AddressProblem.NOT_AN_ADDRESS),
    ],
)
def test_a_refusal_names_the_problem(text: str, problem: AddressProblem) -> None:
    with pytest.raises(AddressError) as refused:
        parse_address(text)
    assert refused.value.problem is problem


def test_the_longest_address_has_254_characters() -> None:
    assert len(LONGEST) == 254
    assert parse_address(f" {LONGEST} ").typed == LONGEST


def test_mail_goes_to_the_address_as_typed_in_ascii() -> None:
    """Only its mail server may interpret the case of the local part (RFC 5321 2.4)."""
    assert parse_address(" Ada@BÜCHER.example ") == Address(
        typed="Ada@BÜCHER.example",
        key="ada@xn--bcher-kva.example",
        mailbox="Ada@xn--bcher-kva.example",
    )


def _parsed(text: str) -> Address | None:
    try:
        return parse_address(text)
    except AddressError:
        return None


likely = st.from_regex(r"\A[\w.+$-]{1,8}@\w{1,8}\.\w{2,4}\Z")


@given(st.text(st.characters(exclude_categories=())) | st.emails() | likely)
@example("ada@\u2024example.com")
@example("ada@ẞ.example")
def test_any_text_becomes_an_ascii_address_or_is_refused(text: str) -> None:
    address = _parsed(text)
    if address:
        assert address.mailbox.isascii()
        assert address.mailbox.lower() == address.key
        assert address.key.isprintable()
        assert not set(address.key) & set(' ,;:<>()[]"\\')
        assert address.key.count("@") == 1
        assert len(address.key) <= 254


@given(st.emails() | likely)
def test_the_key_and_the_mailbox_have_the_same_key(text: str) -> None:
    address = _parsed(text)
    if address:
        assert parse_address(address.key).key == address.key
        assert parse_address(address.mailbox) == Address(
            address.mailbox, address.key, address.mailbox
        )
        assert parse_address(address.typed) == address


@given(st.emails() | likely)
def test_addresses_that_differ_in_case_are_one_account(text: str) -> None:
    address = _parsed(text)
    if address and text.isascii():
        assert parse_address(text.upper()).key == address.key
        assert parse_address(text.swapcase()).key == address.key


@pytest.mark.parametrize(
    "text",
    [
        "mailto:ada@example.com",
        "MailTo:ada@example.com?subject=Hello",
        "ada@example.com.",
        "ada@example.com,",
        "ada@example.com;",
        "<ada@example.com>",
        "Ada Lovelace <ada@example.com>",
        "<mailto:ada@example.com>,",
        "(ada@example.com)",
        "“ada@example.com”.",
        "\ufeffada@example.com",
        "ada@example.com\u200b",
        "ada@example.com\n",
    ],
)
def test_the_address_in_a_text_is_found(text: str) -> None:
    assert unwrapped(text) == "ada@example.com"
    with pytest.raises(AddressError):
        parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        "ada",
        "mailto:",
        "ada@example.com, eve@example.com",
        "ada@exam\u200bple.com",
        "ada@example.com\r\nBcc: eve@example.com",
    ],
)
def test_a_text_without_one_clear_address_has_none(text: str) -> None:
    assert unwrapped(text) is None
