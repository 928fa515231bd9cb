"""The mailbox: the mails that the worker has delivered."""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from app.mail.worker import Worker


@dataclass(frozen=True)
class Mail:
    """One delivered mail."""

    message: EmailMessage

    @property
    def to(self) -> str:
        """The recipient."""
        return str(self.message["To"])

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """The text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._part("html")

    @property
    def link(self) -> str:
        """The path of the link with a token; fails unless both parts have the same one."""
        links = re.findall(r"https?://[^/\s]+(/\S*/[\w.~-]{40,})", self.text)
        assert len(set(links)) == 1, f"one link, not {links}"
        assert links[0] in self.html
        return str(links[0])

    @property
    def code(self) -> str:
        """The six digits; fails unless both parts have the same ones."""
        found = re.search(r"^\s*(\d{3}) ?(\d{3})\s*$", self.text, re.MULTILINE)
        assert found, self.text
        assert found[1] in self.html
        assert found[2] in self.html
        return found[1] + found[2]

    @property
    def token(self) -> str:
        """The token of the link."""
        return self.link.rpartition("/")[2]

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None, f"no {kind} part"
        return str(part.get_content())


class Mailbox:
    """All delivered mails."""

    def __init__(self, worker: Worker, folder: Path) -> None:
        self._worker = worker
        self._folder = folder

    def all(self) -> list[Mail]:
        """Lets the worker deliver all due letters and returns every mail, oldest first."""
        self._worker.run_once()
        return [
            Mail(message_from_bytes(path.read_bytes(), policy=policy.default))
            for path in sorted(self._folder.glob("*.eml"))
        ]

    def newest(self, to: str, about: str = "") -> Mail:
        """The newest mail to an address; `about` selects those with these words in the subject."""
        mails = [
            mail
            for mail in self.all()
            if mail.to.lower() == to.lower() and about.lower() in mail.subject.lower()
        ]
        assert mails, f"no mail to {to} about {about!r}"
        return mails[-1]

    def subjects(self, to: str) -> list[str]:
        """The subjects of all mails to an address, oldest first."""
        return [mail.subject for mail in self.all() if mail.to.lower() == to.lower()]
