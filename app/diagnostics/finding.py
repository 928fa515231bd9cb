"""What a check has found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it looks."""

    OK = "ok"
    NOTE = "note"
    """May be meant; worth a look."""
    FIX = "FIX"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; holds no secret."""

    verdict: Verdict
    subject: str
    words: str
    how: str = ""
    """What to do about it."""

    def __str__(self) -> str:
        line = f"{self.verdict:<5} {self.subject}: {' '.join(self.words.split())}"
        return f"{line} -> {self.how}" if self.how else line


def ok(subject: str, words: str) -> Finding:
    """As it should be."""
    return Finding(Verdict.OK, subject, words)


def note(subject: str, words: str, how: str = "") -> Finding:
    """Works, or could not be looked at."""
    return Finding(Verdict.NOTE, subject, words, how)


def fix(subject: str, words: str, how: str) -> Finding:
    """Does not work, or not safely."""
    return Finding(Verdict.FIX, subject, words, how)
