"""What administrators see and do, under `/admin`."""

from flask import Flask

from app.admin import funnel
from app.admin.blueprint import bp

__all__ = ["funnel", "init_app"]


def init_app(app: Flask) -> None:
    """Adds the pages."""
    app.register_blueprint(bp)
