"""Home, health, error pages, and the development mailbox."""

from flask import Flask

from app.main import errors
from app.main.health import bp as health
from app.main.mailbox import bp as mailbox
from app.main.metrics import bp as metrics
from app.main.routes import bp


def init_app(app: Flask) -> None:
    """Adds the pages; the mailbox only where mail stays on this machine."""
    errors.init_app(app)
    app.register_blueprint(bp)
    app.register_blueprint(health)
    app.register_blueprint(metrics)
    if app.debug:
        app.register_blueprint(mailbox)
    app.context_processor(lambda: {"app_name": app.config["APP_NAME"], "dev_mailbox": app.debug})
