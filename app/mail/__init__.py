"""Delivery of owed letters as mails."""

from flask import Flask

from app.mail.transport import FolderTransport, SmtpTransport, Transport


def init_app(app: Flask) -> None:
    """Allows `{% do %}` in templates, for mails and for pages."""
    app.jinja_env.add_extension("jinja2.ext.do")


def make_transport(app: Flask) -> Transport:
    """Makes the transport that the settings name: a folder in development, or the mail server."""
    folder = app.config["MAIL_FOLDER"]
    return FolderTransport(folder) if folder else SmtpTransport(app)
