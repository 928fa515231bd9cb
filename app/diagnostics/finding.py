"""The result of a check."""

from dataclasses import dataclass
from enum import StrEnum

LENGTH = 160
"""Characters of an error's words in a finding."""


class Verdict(StrEnum):
    """How good or bad a finding is."""

    OK = "ok"
    NOTE = "note"
    """It may be intended. The operator should check it."""
    FIX = "FIX"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report, without secrets."""

    verdict: Verdict
    subject: str
    words: str
    how: str = ""
    """What to do about it."""

    def __str__(self) -> str:
        line = f"{self.verdict:<5} {self.subject}: {' '.join(self.words.split())}"
        return f"{line} -> {self.how}" if self.how else line


def words_of(error: Exception) -> str:
    """The kind of an error and its words, cut to a line."""
    return f"{type(error).__name__}: {error}"[:LENGTH]


def ok(subject: str, words: str) -> Finding:
    """The check passed."""
    return Finding(Verdict.OK, subject, words)


def note(subject: str, words: str, how: str = "") -> Finding:
    """It works but may not be intended, or it could not be checked."""
    return Finding(Verdict.NOTE, subject, words, how)


def fix(subject: str, words: str, how: str) -> Finding:
    """It does not work, or it is not safe."""
    return Finding(Verdict.FIX, subject, words, how)
