"""Finds the code of six digits in the text that a person types or pastes."""

import unicodedata

DIGITS = 6


class CodeError(ValueError):
    """The text has no code of six digits, or more than one."""

    def __init__(self, *, several: bool) -> None:
        super().__init__("several codes" if several else "no code")
        self.several = several


def parse_code(text: str) -> str:
    """The one group of six digits in a text, in ASCII.

    Digits of all scripts count. Invisible characters, such as direction marks, are ignored. Spaces
    and punctuation may separate the digits, words may not: "Your code is 123 456."

    Raises:
        CodeError: there is no such group, or more than one.
    """
    plain = "".join(_plain(character) for character in text)
    found = [code for part in plain.split("x") for code in _groups(part.split())]
    if len(found) != 1:
        raise CodeError(several=bool(found))
    return found[0]


def _plain(character: str) -> str:
    """A digit in ASCII, nothing for an invisible character, `x` for a letter, a space for the
    rest."""
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    match unicodedata.category(character):
        case "Cf":
            return ""
        case "Lu" | "Ll" | "Lt" | "Lm" | "Lo" | "Nl" | "No":
            return "x"
        case _:
            return " "


def _groups(runs: list[str]) -> list[str]:
    """Neighbouring runs of digits that have six digits together, joined."""
    return [
        "".join(runs[start:end])
        for start in range(len(runs))
        for end in range(start + 1, min(start + DIGITS, len(runs)) + 1)
        if sum(map(len, runs[start:end])) == DIGITS
    ]
