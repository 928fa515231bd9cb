"""The development mailbox: shows every mail that was written into the folder."""

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, render_template, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

bp = Blueprint("mailbox", __name__, url_prefix="/dev/mail")

_LINK = re.compile(r"https?://[^\s<>\"]+")
# Mails have inline styles. They load nothing, and only our own page may frame them.
_MAIL_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


@dataclass(frozen=True, slots=True)
class SentMail:
    """One mail as the page shows it."""

    id: str
    subject: str
    to: str
    sender: str
    sent_on: datetime
    text: str
    html: str
    source: str

    @property
    def html_url(self) -> str:
        """The URL of the HTML part alone."""
        return url_for("mailbox.html", mail_id=self.id)

    @property
    def text_html(self) -> Markup:
        """The text part as HTML with clickable links."""
        parts, end = [], 0
        for link in _LINK.finditer(self.text):
            parts += [
                escape(self.text[end : link.start()]),
                Markup('<a href="{0}">{0}</a>').format(link.group()),
            ]
            end = link.end()
        return Markup("").join([*parts, escape(self.text[end:])])


@bp.get("")
def index() -> ResponseReturnValue:
    """All mails, newest first."""
    files = sorted(_folder().glob("*.eml"), reverse=True)
    return render_template("main/dev_mail.html", mails=[_read(path) for path in files])


@bp.get("/<mail_id>/html")
def html(mail_id: str) -> ResponseReturnValue:
    """The HTML part of one mail."""
    path = next((path for path in _folder().glob("*.eml") if path.stem == mail_id), None)
    if path is None:
        abort(404)
    return Response(_read(path).html, headers={"Content-Security-Policy": _MAIL_CSP})


def _folder() -> Path:
    return Path(current_app.config["MAIL_FOLDER"] or "/nonexistent")


def _read(path: Path) -> SentMail:
    source = path.read_bytes()
    message = message_from_bytes(source, policy=policy.default)
    text, html_part = message.get_body(("plain",)), message.get_body(("html",))
    return SentMail(
        id=path.stem,
        subject=message["Subject"],
        to=message["To"],
        sender=message["From"],
        sent_on=message["Date"].datetime,
        text=text.get_content() if text else "",
        html=html_part.get_content() if html_part else "",
        source=source.decode(errors="replace"),
    )
