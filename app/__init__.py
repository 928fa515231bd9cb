"""Latchkey: accounts whose mail address is confirmed, for Flask on MongoDB."""

import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any

from flask import Flask, has_request_context, request

import config
from app import account, admin, api, auth, mail, main, mongo, web
from app.extensions import csrf
from app.extensions import mail as flask_mail
from app.observability import logs, metrics, request_ids
from app.routing import LazyRule
from app.security import load_shedding, rate_limits
from app.web import proxies


class Latchkey(Flask):
    """The app. Its views and hooks are plain functions."""

    url_rule_class = LazyRule

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the function. Flask looks at it each time, in case it is a coroutine."""
        return func

    def url_for(self, endpoint: str, **values: Any) -> str:
        """Like Flask's. Most links of a page lead to pages without arguments, whose path is only
        looked up."""
        path = None if values else self._paths.get(endpoint)
        if path is None or not has_request_context():
            return super().url_for(endpoint, **values)
        return request.script_root + path

    @cached_property
    def _paths(self) -> dict[str, str]:
        return {
            rule.endpoint: rule.rule for rule in self.url_map.iter_rules() if not rule.arguments
        }


def create_app(settings: config.BaseConfig | None = None) -> Flask:
    """The WSGI application; makes no connection before the first request.

    Args:
        settings: if None, they are read from the environment.

    Raises:
        SystemExit: status 1, with one message that names every wrong setting.
    """
    app = Latchkey(__name__, static_folder=None)  # app/web/assets.py serves the files
    app.config.from_object(settings or _settings())
    # Werkzeug's redirect for double slashes would use the Host header of the request.
    app.url_map.merge_slashes = False

    logs.init_app(app)
    request_ids.init_app(app)
    proxies.init_app(app)
    metrics.init_app(app)
    mongo.init_app(app)
    web.init_app(app)
    load_shedding.init_app(app)
    for extension in (csrf, flask_mail):
        extension.init_app(app)
    mail.init_app(app)
    rate_limits.init_app(app)

    main.init_app(app)
    auth.init_app(app)
    account.init_app(app)
    admin.init_app(app)
    api.init_app(app)
    return app


def _settings() -> config.BaseConfig:
    try:
        return config.load()
    except config.ConfigError as error:
        sys.exit(str(error))
