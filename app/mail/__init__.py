"""From an owed letter to a delivered mail."""

from flask import Flask

from app.mail.transport import FolderTransport, SmtpTransport, Transport


def init_app(app: Flask) -> None:
    """Allows `{% do %}` in templates; mails and pages share the environment."""
    app.jinja_env.add_extension("jinja2.ext.do")


def make_transport(app: Flask) -> Transport:
    """Where mail goes: into a folder in development, else to the mail server."""
    folder = app.config["MAIL_FOLDER"]
    return FolderTransport(folder) if folder else SmtpTransport(app)
