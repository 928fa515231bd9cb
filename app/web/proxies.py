"""Reads what proxies say about a request: client, scheme, host, and the path that the app is below.

`TRUSTED_PROXIES` is the number of proxies that the app trusts.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

# An address with a port, or in brackets: `192.0.2.1:4711`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<four>[0-9.]+))(?::[\w.-]*)?", re.ASCII)
# The same characters as in PUBLIC_URL. If the proxy does not set the header, the client can.
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")
_SHOWN = 60
_GIVEN = "latchkey.client_address"


def init_app(app: Flask) -> None:
    """Adds the middleware. Without TRUSTED_PROXIES all X-Forwarded-* headers are ignored."""
    wsgi: WSGIApplication = ClientAddress(app.wsgi_app)
    root = app.config["APPLICATION_ROOT"]
    wsgi = Mount(wsgi, root if root != "/" else "")
    if hops := app.config["TRUSTED_PROXIES"]:
        wsgi = ProxyFix(wsgi, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)
    app.wsgi_app = wsgi  # type: ignore[method-assign]
    _warn_of_unknown_clients(app)


class Mount:
    """Sets `SCRIPT_NAME` to the path that the app is below.

    The first of these decides: a trusted `X-Forwarded-Prefix`, the `SCRIPT_NAME` of the WSGI
    server, the path of `PUBLIC_URL`. A proxy may pass this path on or remove it; both work.
    """

    def __init__(self, app: WSGIApplication, path: str) -> None:
        self._app = app
        self._path = path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        before_proxy_fix = environ.get("werkzeug.proxy_fix.orig", environ)
        by_server = before_proxy_fix.get("SCRIPT_NAME") or ""
        prefix = environ.get("SCRIPT_NAME", "").rstrip("/")
        if not _PREFIX.fullmatch(prefix):
            prefix = by_server.rstrip("/") or self._path
        environ["SCRIPT_NAME"] = prefix
        path = environ.get("PATH_INFO", "")
        # The WSGI server has already removed its own SCRIPT_NAME from the path.
        if prefix and not by_server and (path == prefix or path.startswith(f"{prefix}/")):
            path = path[len(prefix) :]
        # For an empty path, Werkzeug would redirect to the host that the request names.
        environ["PATH_INFO"] = path or "/"
        return self._app(environ, start_response)


class ClientAddress:
    """Makes `REMOTE_ADDR` an IP address without port, brackets and zone, or empty."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[_GIVEN] = environ.get("REMOTE_ADDR") or ""
        environ["REMOTE_ADDR"] = bare_address(environ[_GIVEN])
        return self._app(environ, start_response)


def _warn_of_unknown_clients(app: Flask) -> None:
    """Logs one warning in each process, with the id of the request."""
    warned = False

    def warn() -> None:
        nonlocal warned
        if request.remote_addr or warned:
            return
        warned = True
        app.logger.warning(
            "Unknown client address (%r): limits per client do not apply to it. Let the proxy set"
            " X-Forwarded-For, and set TRUSTED_PROXIES.",
            request.environ.get(_GIVEN, "")[:_SHOWN],
        )

    app.before_request(warn)


def bare_address(text: str) -> str:
    """The IP address in the text of a server or proxy about a client; empty if there is none."""
    text = text.strip()
    found = _WITH_PORT.fullmatch(text)
    if found:
        text = found["six"] or found["four"] or ""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)
