"""Home, health, metrics, and the development mailbox."""

from flask import Flask

from app.main.dev_mailbox import bp as dev_mailbox
from app.main.health import bp as health
from app.main.home import bp as home
from app.main.prometheus import bp as prometheus


def init_app(app: Flask) -> None:
    """Adds the pages. The mailbox exists only in development, where mail stays on this machine."""
    app.register_blueprint(home)
    app.register_blueprint(health)
    app.register_blueprint(prometheus)
    if app.debug:
        app.register_blueprint(dev_mailbox)
    app.context_processor(lambda: {"app_name": app.config["APP_NAME"], "dev_mailbox": app.debug})
