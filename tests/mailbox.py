"""The mailbox: what the worker has really delivered."""

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
        """The one recipient."""
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
        """The path of the link to act on; both parts have the same one."""
        links = re.findall(r"https?://[^/\s]+(/\S*/[\w.~-]{40,})", self.text)
        assert len(set(links)) == 1, f"one link, not {links}"
        assert links[0] in self.html
        return str(links[0])

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None, f"no {kind} part"
        return str(part.get_content())


class Mailbox:
    """All that was delivered to anybody."""

    def __init__(self, worker: Worker, folder: Path) -> None:
        self._worker = worker
        self._folder = folder

    def all(self) -> list[Mail]:
        """Every mail, oldest first, once the worker has delivered what is due."""
        self._worker.run_once()
        return [
            Mail(message_from_bytes(path.read_bytes(), policy=policy.default))
            for path in sorted(self._folder.glob("*.eml"))
        ]

    def newest(self, to: str, about: str = "") -> Mail:
        """The newest mail to an address, or of those whose subject has these words."""
        mails = [
            mail
            for mail in self.all()
            if mail.to.lower() == to.lower() and about.lower() in mail.subject.lower()
        ]
        assert mails, f"no mail to {to} about {about!r}"
        return mails[-1]

    def subjects(self, to: str) -> list[str]:
        """What was written to an address, oldest first."""
        return [mail.subject for mail in self.all() if mail.to.lower() == to.lower()]
