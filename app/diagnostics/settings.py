"""Settings, keys and the public address."""

import http.client
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import config
from app.diagnostics.finding import Finding, fix, note, ok
from settings.environment import MIN_SECRET_LENGTH

_PATIENCE = 5  # seconds
_FEW = 10  # different characters: no random key of 32 has so few
_SOUND_ROUNDS = 10
_MAKE_KEY = "python -c 'import secrets; print(secrets.token_urlsafe(48))' makes one"


def check_settings(settings: config.BaseConfig, problems: list[str]) -> Iterator[Finding]:
    """Every setting that keeps the product from starting, and what is doubtful."""
    for problem in problems:
        yield fix("settings", problem, "docs/settings.md says what it takes")
    if not problems:
        yield ok("settings", f"complete and valid ({type(settings).__name__})")
    if not settings.production:
        yield note("settings", "not production's", "APP_SETTINGS=config.ProductionConfig")
    if settings.BCRYPT_LOG_ROUNDS < _SOUND_ROUNDS:
        yield fix("BCRYPT_LOG_ROUNDS", "hashes are cheap to guess", "12 is a sound cost")
    if settings.production and not settings.SESSION_COOKIE_SECURE:
        yield fix(
            "SESSION_COOKIE_SECURE", "cookies travel over plain HTTP", "leave it out: true is meant"
        )


def check_keys(settings: Any) -> Iterator[Finding]:
    """Keys that are there, random, and not one for two purposes."""
    names = ("SECRET_KEY", "SECURITY_PASSWORD_SALT")
    keys = {name: getattr(settings, name) for name in names if getattr(settings, name)}
    sound = len(keys) == len(names)
    for name, key in keys.items():
        if len(set(key)) < _FEW:
            sound = False
            yield fix(name, "is not random", _MAKE_KEY)
    if len(keys) == len(names) and len(set(keys.values())) == 1:
        sound = False
        yield fix("keys", f"{' and '.join(names)} are the same", _MAKE_KEY)
    former = settings.SECRET_KEY_FALLBACKS
    if any(len(key) < MIN_SECRET_LENGTH for key in former):
        sound = False
        yield fix(
            "SECRET_KEY_FALLBACKS",
            "a former key is short: anyone who guesses it can sign",
            "leave it out, and people sign in again",
        )
    if sound:
        yield ok("keys", f"set, random, different; {len(former)} former one(s) accepted")


def check_public_url(settings: config.BaseConfig) -> Iterator[Finding]:
    """Where the links in mails lead: HTTPS, and to this product."""
    url = urlsplit(settings.PUBLIC_URL)
    if settings.production and url.scheme != "https":
        yield fix("PUBLIC_URL", "is not https: links and cookies can be read on the way", "use TLS")
    elif settings.production and not settings.TRUSTED_PROXIES:
        yield note(
            "TRUSTED_PROXIES",
            "0, so every visitor seems to come from the address that connects",
            "set it to the number of proxies in front, if there are any",
        )
    if settings.SCRIPT_NAME and not url.path:
        yield fix(
            "PUBLIC_URL",
            "has no path, but SCRIPT_NAME has one: links in mails lead past this product",
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
        said = str(error) or type(error).__name__
        return note(
            where, f"cannot be reached from here ({said})", "start web and proxy, try again"
        )
    if status == http.client.OK and b'"status"' in body:
        return ok(where, f"{url} answers")
    return fix(
        where, f"/health/live there answers {status}, not as this product does", "correct it"
    )


def _get(url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_PATIENCE)
    try:
        connection.request("GET", f"{parts.path}/health/live")
        response = connection.getresponse()
        return response.status, response.read(1000)
    finally:
        connection.close()
