"""What a person does with a confirmed account."""

from flask import Flask

from app.account.routes import bp


def init_app(app: Flask) -> None:
    """Adds the pages."""
    app.register_blueprint(bp)
