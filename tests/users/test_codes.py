"""The code of a mail, as people copy it."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.users.codes import CodeError, parse_code

_CHARACTERS = [chr(number) for number in range(sys.maxunicode + 1)]
_DIGITS = [c for c in _CHARACTERS if unicodedata.category(c) == "Nd"]
_UNSEEN = [c for c in _CHARACTERS if unicodedata.category(c) == "Cf"]
_BETWEEN = [c for c in _CHARACTERS if unicodedata.category(c)[0] in "PZ"]


@pytest.mark.parametrize(
    "pasted",
    [
        "123456",
        " 123456\n",
        "123 456",
        "123\u00a0456",
        "123\u202f456",
        "123-456",
        "123–456",
        "123.456",
        "1 2 3 4 5 6",
        "١٢٣٤٥٦",
        "۱۲۳۴۵۶",
        "१२३४५६",
        "１２３４５６",
        "𝟏𝟐𝟑𝟒𝟓𝟔",
        "\u200e123456\u200e",
        "\u2068123456\u2069",
        "123\u200b456",
        "\ufeff123456",
        "(123456)",
        "“123 456”",
        "Your code is 123 456.",
        "Your code is 123456. It works for 60 minutes.",
        "Code: 123456 (60 min)",
        "您的验证码是１２３４５６。",
        "**123456**",
        "1\ufe0f\u20e32\ufe0f\u20e33\ufe0f\u20e34\ufe0f\u20e35\ufe0f\u20e36\ufe0f\u20e3",
    ],
)
def test_a_pasted_code_is_read(pasted: str) -> None:
    assert parse_code(pasted) == "123456"


@pytest.mark.parametrize(
    "pasted", ["", "x", "12345", "1234567", "123 4567", "12 34", "12a3456", "12345²", "code"]
)
def test_a_text_without_six_digits_is_refused(pasted: str) -> None:
    with pytest.raises(CodeError) as refused:
        parse_code(pasted)
    assert not refused.value.several


@pytest.mark.parametrize(
    "pasted", ["123456 654321", "123 456 654 321", "123456 or 654321", "123456, 123456"]
)
def test_two_codes_are_refused(pasted: str) -> None:
    with pytest.raises(CodeError) as refused:
        parse_code(pasted)
    assert refused.value.several


@st.composite
def _pasted(draw: st.DrawFn) -> tuple[str, str]:
    """Six digits and a text that has them, with other characters before, between and after."""
    other = st.text(st.sampled_from(_UNSEEN + _BETWEEN), max_size=3)
    digits = draw(st.lists(st.sampled_from(_DIGITS), min_size=6, max_size=6))
    code = "".join(str(unicodedata.decimal(digit)) for digit in digits)
    text = "".join(draw(other) + digit for digit in digits) + draw(other)
    return code, draw(st.sampled_from(["", "Your code is ", "Dein Code lautet:"])) + text


@given(_pasted())
def test_digits_of_every_script_are_read_with_spaces_and_punctuation_between_them(
    pasted: tuple[str, str],
) -> None:
    code, text = pasted
    assert parse_code(text) == code


@given(st.text(max_size=200))
def test_any_text_gives_six_ascii_digits_or_is_refused(text: str) -> None:
    try:
        code = parse_code(text)
    except CodeError:
        return
    assert len(code) == 6
    assert code.isascii()
    assert code.isdigit()
