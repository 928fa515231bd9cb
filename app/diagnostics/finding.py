"""The result of a check."""

from dataclasses import dataclass
from enum import StrEnum


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


def ok(subject: str, words: str) -> Finding:
    """The check passed."""
    return Finding(Verdict.OK, subject, words)


def note(subject: str, words: str, how: str = "") -> Finding:
    """It works but may not be intended, or it could not be checked."""
    return Finding(Verdict.NOTE, subject, words, how)


def fix(subject: str, words: str, how: str) -> Finding:
    """It does not work, or it is not safe."""
    return Finding(Verdict.FIX, subject, words, how)
