"""What administrators see and do, under `/admin`."""

from flask import Flask

from app.admin import actions, funnel, mail, people
from app.admin.blueprint import bp

__all__ = ["actions", "funnel", "init_app", "mail", "people"]


def init_app(app: Flask) -> None:
    """Adds the pages."""
    app.register_blueprint(bp)
    # Macros that are imported see what every page does.
    app.jinja_env.globals["letter_kinds"] = mail.KINDS
