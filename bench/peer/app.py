"""The peer's app, for gunicorn: `bench.peer.app:create_app()`."""
# mypy: disable-error-code="import-not-found"

import os

from flask import Flask, render_template
from flask.typing import ResponseReturnValue
from flask_mail import Mail
from flask_security import Security, auth_required
from flask_wtf import CSRFProtect

from bench.peer.storages import STORAGES


def create_app() -> Flask:
    """Flask-Security on the storage that the environment names."""
    app = Flask(__name__)
    app.config.from_mapping(_settings())
    CSRFProtect(app)
    Mail(app)
    storage = STORAGES[os.environ["PEER_STORAGE"]]
    Security(app, storage(app, os.environ["PEER_DATABASE"]))

    @app.get("/")
    @auth_required()
    def account() -> ResponseReturnValue:
        return render_template("account.html")

    return app


def _settings() -> dict[str, object]:
    return {
        "SECRET_KEY": os.environ["SECRET_KEY"],
        "SECURITY_PASSWORD_SALT": os.environ["SECURITY_PASSWORD_SALT"],
        "SECURITY_REGISTERABLE": True,
        "SECURITY_CONFIRMABLE": True,
        "SECURITY_RECOVERABLE": True,
        "SECURITY_CHANGEABLE": True,
        "SECURITY_PASSWORD_HASH": "bcrypt",
        # 12 is its own default too.
        "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {
            "bcrypt__rounds": int(os.environ.get("BCRYPT_LOG_ROUNDS", "12"))
        },
        # As in its quick start: a look-up in DNS would measure the network. Ours has none here.
        "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},
        "SESSION_COOKIE_SAMESITE": "strict",
        "REMEMBER_COOKIE_SAMESITE": "strict",
        "MAIL_SERVER": os.environ["APP_MAIL_SERVER"],
        "MAIL_PORT": int(os.environ["APP_MAIL_PORT"]),
        "MAIL_DEFAULT_SENDER": os.environ["APP_MAIL_DEFAULT_SENDER"],
    }
