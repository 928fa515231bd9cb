"""Rendering a letter as a mail."""

from email import policy
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.utils import format_datetime, parseaddr

import flask_mail
from flask import current_app, render_template

from app.mail.contents import context
from app.users.addresses import parse_address
from app.users.clock import utcnow
from app.users.outbox import LeasedLetter


class Mail(flask_mail.Message):
    """Flask-Mail's message with multipart/alternative as its outermost part.

    Flask-Mail puts a multipart/mixed around it, which some programs show as an attachment.
    """

    sender_name = ""

    def _message(self) -> Message:  # type: ignore[override]
        message = EmailMessage(policy=policy.SMTP)
        message["From"] = Address(self.sender_name, addr_spec=str(self.sender))
        message["To"] = self.recipients[0]
        message["Subject"] = self.subject
        message["Date"] = format_datetime(utcnow())
        message["Message-ID"] = self.msgId
        for name, value in (self.extra_headers or {}).items():
            message[name] = value
        message.set_content(self.body or "")
        message.add_alternative(self.html or "", subtype="html")
        return message


def render(leased: LeasedLetter) -> Mail:
    """The mail of a letter. Its link is signed now."""
    letter, config = leased.letter, current_app.config
    words = context(leased)
    sender_name, sender = parseaddr(config["MAIL_DEFAULT_SENDER"])
    mail = Mail(
        subject=render_template(f"mail/{letter.kind}/subject.txt", **words).strip(),
        recipients=[parse_address(letter.to or leased.user.email).mailbox],
        body=render_template(f"mail/{letter.kind}/body.txt", **words).strip() + "\n",
        html=render_template(f"mail/{letter.kind}/body.html", **words).strip() + "\n",
        sender=sender,
        # RFC 3834 5: vacation programs do not answer. The answer of a person goes to the sender.
        extra_headers={"Auto-Submitted": "auto-generated", "Reply-To": sender},
    )
    mail.sender_name = sender_name or config["APP_NAME"]
    mail.msgId = f"<{letter.message_id}@{sender.rpartition('@')[2]}>"
    return mail
