"""Checks settings, keys and the public address."""

import http.client
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import config
from app.diagnostics.finding import Finding, fix, note, ok
from settings.environment import MIN_SECRET_LENGTH

_TIMEOUT = 5  # seconds
_FEW = 10  # different characters: a random key of 32 characters has more
_SAFE_ROUNDS = 10
_MAKE_KEY = "python -c 'import secrets; print(secrets.token_urlsafe(48))' makes one"


def check_settings(settings: config.BaseConfig, problems: list[str]) -> Iterator[Finding]:
    """Reports every setting that prevents the start, and settings that are doubtful."""
    for problem in problems:
        yield fix("settings", problem, "see docs/settings.md for what is allowed")
    if not problems:
        yield ok("settings", f"complete and valid ({type(settings).__name__})")
    if not settings.production:
        yield note("settings", "not for production", "APP_SETTINGS=config.ProductionConfig")
    if settings.BCRYPT_LOG_ROUNDS < _SAFE_ROUNDS:
        yield fix("BCRYPT_LOG_ROUNDS", "hashes are cheap to guess", "set it to 12")
    if settings.production and not settings.SESSION_COOKIE_SECURE:
        yield fix(
            "SESSION_COOKIE_SECURE",
            "cookies travel over plain HTTP",
            "remove the setting; the default is true",
        )
    if without_cookie := [app for app in settings.TRUSTED_APPS if not _gets_cookie(app, settings)]:
        yield note(
            "TRUSTED_APPS",
            f"browsers do not send the session cookie to {', '.join(without_cookie)}, so these apps"
            " cannot be guarded",
            "set SESSION_COOKIE_DOMAIN to a domain above them, or remove them",
        )


def _gets_cookie(app: str, settings: config.BaseConfig) -> bool:
    """Whether browsers send the session cookie to the `host` or `host:port`. Cookies ignore
    ports."""
    host = urlsplit(f"//{app}").hostname
    if domain := settings.SESSION_COOKIE_DOMAIN:
        return f".{host}".endswith(f".{domain}")
    return host == urlsplit(settings.PUBLIC_URL).hostname


def check_keys(settings: Any) -> Iterator[Finding]:
    """Keys must be set, random, and different from each other."""
    names = ("SECRET_KEY", "SECURITY_PASSWORD_SALT")
    keys = {name: getattr(settings, name) for name in names if getattr(settings, name)}
    good = len(keys) == len(names)
    for name, key in keys.items():
        if len(set(key)) < _FEW:
            good = False
            yield fix(name, "is not random", _MAKE_KEY)
    if len(keys) == len(names) and len(set(keys.values())) == 1:
        good = False
        yield fix("keys", f"{' and '.join(names)} are the same", _MAKE_KEY)
    former = settings.SECRET_KEY_FALLBACKS
    if any(len(key) < MIN_SECRET_LENGTH for key in former):
        good = False
        yield fix(
            "SECRET_KEY_FALLBACKS",
            "a former key is short: anyone who guesses it can sign",
            "remove it; then people sign in again",
        )
    if good:
        yield ok("keys", f"set, random, different; {len(former)} former one(s) accepted")


def check_public_url(settings: config.BaseConfig) -> Iterator[Finding]:
    """PUBLIC_URL, the start of the links in mails, must be HTTPS and lead to this product."""
    url = urlsplit(settings.PUBLIC_URL)
    if settings.production and url.scheme != "https":
        yield fix(
            "PUBLIC_URL",
            "is not https: others can read links and cookies",
            "use TLS",
        )
    elif settings.production and not settings.TRUSTED_PROXIES:
        yield note(
            "TRUSTED_PROXIES",
            "0, so behind a proxy all visitors have the address of the proxy",
            "set it to the number of proxies in front, if there are any",
        )
    if settings.SCRIPT_NAME and not url.path:
        yield fix(
            "PUBLIC_URL",
            "has no path, but SCRIPT_NAME has one: links in mails do not lead to this product",
            "add the path to PUBLIC_URL",
        )
    yield _reach(settings.PUBLIC_URL)


def _reach(url: str) -> Finding:
    where = "PUBLIC_URL"
    try:
        status, body = _get(url)
    except ssl.SSLCertVerificationError as error:
        return fix(where, f"its certificate is not trusted ({error.verify_message})", "renew it")
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        return note(
            where, f"cannot be reached from here ({reason})", "start web and proxy, then try again"
        )
    if status == http.client.OK and b'"status"' in body:
        return ok(where, f"{url} answers")
    return fix(
        where, f"/health/live there answers {status}, so it is not this product", "correct it"
    )


def _get(url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        connection.request("GET", f"{parts.path}/health/live")
        response = connection.getresponse()
        return response.status, response.read(1000)
    finally:
        connection.close()
