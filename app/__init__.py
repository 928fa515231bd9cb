"""Latchkey: accounts whose mail address is proven, for Flask on MongoDB."""

import sys
from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

import config
from app import (
    account,
    admin,
    auth,
    fragments,
    limits,
    logs,
    mail,
    main,
    metrics,
    mongo,
    overload,
    paths,
    request_id,
    web,
)
from app.extensions import bootstrap, csrf
from app.extensions import mail as flask_mail


class _Flask(Flask):
    """Flask, but that it does not ask twenty times a request whether a function is a coroutine: no
    view is one, since pymongo, as it is used here, is none."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(settings: config.BaseConfig | None = None) -> Flask:
    """The WSGI application; makes no connection before the first request.

    Args:
        settings: taken from the environment when not given.

    Raises:
        SystemExit: status 1, with one message that names every setting to mend.
    """
    app = _Flask(__name__)
    app.config.from_object(settings or _settings())
    # Werkzeug's own redirect would name whatever host the request did.
    app.url_map.merge_slashes = False
    _trust_proxies(app)

    logs.init_app(app)
    request_id.init_app(app)
    metrics.init_app(app)
    mongo.init_app(app)
    web.init_app(app)
    paths.init_app(app)
    fragments.init_app(app)
    overload.init_app(app)
    for extension in (bootstrap, csrf, flask_mail):
        extension.init_app(app)
    mail.init_app(app)
    limits.init_app(app)

    main.init_app(app)
    auth.init_app(app)
    account.init_app(app)
    admin.init_app(app)
    return app


def _settings() -> config.BaseConfig:
    try:
        return config.load()
    except config.ConfigError as error:
        sys.exit(str(error))


def _trust_proxies(app: Flask) -> None:
    """Without TRUSTED_PROXIES a forged X-Forwarded-For changes nothing."""
    hops = app.config["TRUSTED_PROXIES"]
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
