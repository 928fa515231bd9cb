"""From an owed letter to a delivered mail."""

from flask import Flask

from app.mail.transport import FolderTransport, SmtpTransport, Transport


def init_app(app: Flask) -> None:
    """Allows `{% do %}` in templates, for mails and for pages."""
    app.jinja_env.add_extension("jinja2.ext.do")


def make_transport(app: Flask) -> Transport:
    """The transport of the settings: a folder in development, or the mail server."""
    folder = app.config["MAIL_FOLDER"]
    return FolderTransport(folder) if folder else SmtpTransport(app)
