"""The pages for administrators, under `/admin`."""

from flask import Flask

from app.admin import administer, funnel, mail, people
from app.admin.blueprint import bp
from app.web.activity_lines import letter_label

__all__ = ["administer", "funnel", "init_app", "mail", "people"]


def init_app(app: Flask) -> None:
    """Adds the pages."""
    app.register_blueprint(bp)
    # A global, so that imported macros see it too.
    app.jinja_env.globals["letter_label"] = letter_label
