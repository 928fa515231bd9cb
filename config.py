"""Settings, read from the environment once, at start.

`load()` names every problem at once: somebody who deploys this fixes one list, not one setting
per restart. Values of settings are never part of a message, since some of them are secrets.
"""

import os
import re
import secrets
import sys
from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import ClassVar, NamedTuple
from urllib.parse import urlsplit

from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

ROOT = Path(__file__).resolve().parent
MIN_SECRET_LENGTH = 32


class ConfigError(Exception):
    """The environment cannot be run with; the message lists every reason."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(
            "Latchkey cannot start, these settings must be fixed:\n"
            + "\n".join(f"  - {problem}" for problem in problems)
        )


class Rate(NamedTuple):
    """How many in how many seconds."""

    limit: int
    window: int


_RATE = re.compile(r"(\d{1,9}) per (?:(\d{1,4}) )?(second|minute|hour|day)s?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class Environment:
    """Environment variables with types; collects what is wrong with them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.problems: list[str] = []

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        value = self._variables.get(name, "").strip() or default
        if required and not value:
            self.problems.append(f"{name} is required")
        return value

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        try:
            value = int(self.text(name, str(default)))
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            self.problems.append(f"{name} must be a whole number from {low} to {high}")
        return value

    def rate(self, name: str, default: str) -> Rate:
        """Such as "10 per 15 minutes"."""
        found = _RATE.fullmatch(self.text(name, default).lower())
        limit, window = (0, 0)
        if found:
            limit, window = int(found[1]), int(found[2] or 1) * _SECONDS[found[3]]
        if not (limit and window):
            self.problems.append(f"{name} must be like '10 per 15 minutes'")
        return Rate(limit, window)

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name, str(default)).lower()
        if value not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
            self.problems.append(f"{name} must be true or false")
        return value in {"true", "1", "yes", "on"}

    def secret(self, name: str, default: str, *, required: bool) -> str:
        """A key of at least 32 characters (ASVS 13.3: none is built in)."""
        value = self.text(name, default, required=required)
        if value and len(value) < MIN_SECRET_LENGTH:
            self.problems.append(f"{name} must have at least {MIN_SECRET_LENGTH} characters")
        return value

    def url(self, name: str, default: str, *, required: bool) -> str:
        """The address that people reach the app at, without a trailing slash."""
        value = self.text(name, default, required=required).rstrip("/")
        if value:
            try:
                parts = urlsplit(value)
                sound = parts.scheme in {"http", "https"} and parts.hostname and not parts.query
            except ValueError:
                sound = False
            if not sound:
                self.problems.append(f"{name} must be an address like https://app.example.org")
        return value

    def storage_uri(self, name: str) -> str:
        """Where attempts are counted, if not in the MongoDB of the app."""
        value = self.text(name)
        kinds = ("mongodb", "mongodb+srv", "memory", "redis", "rediss", "memcached", "valkey")
        if value and value.partition("://")[0] not in kinds:
            self.problems.append(f"{name} must begin with one of " + ", ".join(kinds))
        return value

    def mongodb_uri(self, name: str, default: str, *, required: bool, mock_allowed: bool) -> str:
        """A connection string whose path names the database."""
        value = self.text(name, default, required=required)
        if not value:
            return value
        scheme, _, rest = value.partition("://")
        _hosts, _, path = rest.partition("/")
        if scheme not in {"mongodb", "mongodb+srv", "mongomock"}:
            self.problems.append(f"{name} must begin with mongodb:// or mongodb+srv://")
        elif scheme == "mongomock" and not mock_allowed:
            self.problems.append(f"{name} must be a real MongoDB in production, not mongomock")
        elif not path.partition("?")[0]:
            self.problems.append(f"{name} must name the database in its path: mongodb://host/NAME")
        elif scheme == "mongodb" and not _is_connection_string(value):
            self.problems.append(f"{name} is not a connection string that MongoDB understands")
        return value


def _is_connection_string(uri: str) -> bool:
    try:
        parse_uri(uri, warn=True)  # as the client does: an unknown option is no reason to stop
    except (PyMongoError, ValueError):
        return False
    return True


def _cores() -> int:
    """How many cores this process may use. A container's quota of time does not show in it."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class BaseConfig:
    """What all three kinds of process share; names are as Flask and its extensions want them."""

    SECRET_KEY: str
    SECURITY_PASSWORD_SALT: str

    production: ClassVar[bool] = False
    TESTING = False
    DEBUG = False

    # Nobody needs more to fill in a form; more is refused with 413 before it is read.
    MAX_CONTENT_LENGTH = 64 * 1024
    SESSION_COOKIE_HTTPONLY = True
    SESSION_COOKIE_SAMESITE = "Lax"
    # The server's own entry decides how long a session lives; no need to send the cookie again.
    SESSION_REFRESH_EACH_REQUEST = False
    # A form left open over lunch must still work: the token lives as long as the session.
    WTF_CSRF_TIME_LIMIT = None
    WTF_CSRF_SSL_STRICT = False  # needs a Referer, which Referrer-Policy: no-referrer withholds
    TEMPLATES_AUTO_RELOAD = False
    MAIL_FOLDER: str | None = None

    def __init__(self, env: Environment) -> None:
        self.APP_NAME = env.text("APP_NAME", "Latchkey")
        self.TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0, 0, 10)
        self.BCRYPT_LOG_ROUNDS = env.number("BCRYPT_LOG_ROUNDS", 12, 4, 16)
        self._read_hashing(env)
        # Seconds; app/server/worker.py uses both.
        env.number("WEB_HEADER_TIMEOUT", 10, 1, 3600)
        env.number("WEB_BODY_TIMEOUT", 30, 1, 3600)
        self.METRICS_TOKEN = env.text("METRICS_TOKEN")
        self._read_limits(env)
        self._read_keys(env)
        self._read_addresses(env)
        self._read_lifetimes(env)
        self._read_mail(env)

    def default_secret(self, name: str) -> str:
        """What stands in for a key that is not set; production has nothing that does."""
        return ""

    def _read_limits(self, env: Environment) -> None:
        """What each is for stands in app/security/rate_limits.py."""
        self.RATELIMIT_ENABLED = env.flag("RATELIMIT_ENABLED", default=True)
        self.RATELIMIT_STORAGE_URI = env.storage_uri("RATELIMIT_STORAGE_URI")
        self.RATELIMIT_CLIENT = env.rate("RATELIMIT_CLIENT", "300 per 15 minutes")
        self.RATELIMIT_REGISTER = env.rate("RATELIMIT_REGISTER", "300 per hour")
        self.RATELIMIT_ACCOUNT = env.rate("RATELIMIT_ACCOUNT", "10 per 15 minutes")
        self.RATELIMIT_DEVICE = env.rate("RATELIMIT_DEVICE", "60 per 15 minutes")
        self.RATELIMIT_MAIL = env.rate("RATELIMIT_MAIL", "10 per hour")

    def _read_keys(self, env: Environment) -> None:
        for name in ("SECRET_KEY", "SECURITY_PASSWORD_SALT"):
            default = env.text(name) or self.default_secret(name)
            setattr(self, name, env.secret(name, default, required=self.production))
        former = env.text("SECRET_KEY_FALLBACKS").split(",")
        self.SECRET_KEY_FALLBACKS = [key.strip() for key in former if key.strip()]
        # Flask-WTF knows no fallbacks, but itsdangerous does: of several keys the last one signs.
        self.WTF_CSRF_SECRET_KEY = [*reversed(self.SECRET_KEY_FALLBACKS), self.SECRET_KEY]

    def _read_addresses(self, env: Environment) -> None:
        port = env.number("PORT", 5000, 1, 65535)
        local = "" if self.production else f"http://127.0.0.1:{port}"
        self.PUBLIC_URL = env.url("PUBLIC_URL", local, required=self.production)
        self.MONGODB_URI = env.mongodb_uri(
            "MONGODB_URI",
            self.default_mongodb_uri(),
            required=True,
            mock_allowed=not self.production,
        )
        self.SESSION_COOKIE_SECURE = env.flag("SESSION_COOKIE_SECURE", default=self.production)
        # The __Host- prefix binds the cookie to this host, and browsers take it on HTTPS only.
        self.SESSION_COOKIE_NAME = "__Host-session" if self.SESSION_COOKIE_SECURE else "session"

    def default_mongodb_uri(self) -> str:
        """The database when `MONGODB_URI` is not set."""
        return ""

    def _read_hashing(self, env: Environment) -> None:
        """How many passwords each web process hashes at once, and how many more may wait.

        A process may use one core more than its share: otherwise cores are idle when one process
        gets most of the sign-ins. Half of the threads are left to pages.
        """
        processes = env.number("WEB_CONCURRENCY", 2, 1, 1000)  # gunicorn.conf.py uses both
        threads = env.number("WEB_THREADS", 64, 1, 1000)
        half = max(1, threads // 2)
        at_once = min(half, ceil(_cores() / max(1, processes)) + 1)
        self.BCRYPT_AT_ONCE = env.number("BCRYPT_AT_ONCE", at_once, 1, 1000)
        queue = min(4 * self.BCRYPT_AT_ONCE, max(0, half - self.BCRYPT_AT_ONCE))
        self.BCRYPT_QUEUE = env.number("BCRYPT_QUEUE", queue, 0, 1000)
        if self.production and max(1, threads - 1) < self.BCRYPT_AT_ONCE + self.BCRYPT_QUEUE:
            env.problems.append(
                "BCRYPT_QUEUE and BCRYPT_AT_ONCE must leave some of WEB_THREADS, or sign-ins would"
                " keep every page waiting"
            )

    def _read_lifetimes(self, env: Environment) -> None:
        month = 30 * 86400
        self.CONFIRM_MAX_AGE = env.number("CONFIRM_MAX_AGE", 3600, 1, month)
        self.RESET_MAX_AGE = env.number("RESET_MAX_AGE", 3600, 1, month)
        self.EMAIL_CHANGE_MAX_AGE = env.number("EMAIL_CHANGE_MAX_AGE", 3600, 1, month)
        self.EMAIL_UNDO_MAX_AGE = env.number("EMAIL_UNDO_MAX_AGE", 604800, 1, 3 * month)
        self.RESEND_COOLDOWN = env.number("RESEND_COOLDOWN", 60, 0, 86400)
        self.UNCONFIRMED_DAYS = env.number("UNCONFIRMED_DAYS", 7, 1, 365)
        self.SESSION_DAYS = env.number("SESSION_DAYS", 30, 1, 365)
        self.SESSION_IDLE_HOURS = env.number("SESSION_IDLE_HOURS", 12, 1, 24 * 30)
        self.PERMANENT_SESSION_LIFETIME = timedelta(days=self.SESSION_DAYS)

    def _read_mail(self, env: Environment) -> None:
        self.MAIL_SERVER = env.text("APP_MAIL_SERVER", required=self.production)
        self.MAIL_USE_TLS = env.flag("APP_MAIL_USE_TLS", default=False)
        # SSL from the first byte unless STARTTLS was asked for: the two exclude each other.
        self.MAIL_USE_SSL = env.flag("APP_MAIL_USE_SSL", default=not self.MAIL_USE_TLS)
        if self.MAIL_USE_TLS and self.MAIL_USE_SSL:
            env.problems.append("APP_MAIL_USE_TLS and APP_MAIL_USE_SSL exclude each other")
        self.MAIL_PORT = env.number("APP_MAIL_PORT", 465, 1, 65535)
        self.MAIL_USERNAME = env.text("APP_MAIL_USERNAME") or None
        self.MAIL_PASSWORD = env.text("APP_MAIL_PASSWORD") or None
        if bool(self.MAIL_USERNAME) != bool(self.MAIL_PASSWORD):
            env.problems.append("APP_MAIL_USERNAME and APP_MAIL_PASSWORD are set together or not")
        sender = "" if self.production else "no-reply@latchkey.test"
        self.MAIL_DEFAULT_SENDER = env.text(
            "APP_MAIL_DEFAULT_SENDER", sender, required=self.production
        )
        if self.MAIL_DEFAULT_SENDER and "@" not in self.MAIL_DEFAULT_SENDER:
            env.problems.append("APP_MAIL_DEFAULT_SENDER must be an address")
        self.MAIL_LEASE = env.number("MAIL_LEASE", 60, 1, 86400)
        self.MAIL_TIMEOUT = env.number("MAIL_TIMEOUT", 10, 1, 600)


class ProductionConfig(BaseConfig):
    """Everything that matters must be said; nothing is made up."""

    production = True


class DevelopmentConfig(BaseConfig):
    """`make run`: keys and mail are kept in `instance/`, so that tomorrow still knows today."""

    DEBUG = True
    TEMPLATES_AUTO_RELOAD = True

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        if not self.MAIL_SERVER:
            self.MAIL_FOLDER = str(ROOT / "instance" / "mail")

    def default_secret(self, name: str) -> str:
        path = ROOT / "instance" / name.lower()
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(secrets.token_urlsafe(48))
            path.chmod(0o600)
        return path.read_text()

    def default_mongodb_uri(self) -> str:
        """The embedded database, where `make run` has left its address."""
        note = ROOT / "instance" / "mongodb.uri"
        return note.read_text().strip() if note.exists() else "mongomock://localhost/latchkey"


class TestingConfig(BaseConfig):
    """The test suite: cheap hashes, everything in memory, nothing read from `instance/`."""

    TESTING = True

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.BCRYPT_LOG_ROUNDS = env.number("BCRYPT_LOG_ROUNDS", 4, 4, 16)
        # A test may have any number of threads.
        self.BCRYPT_QUEUE = env.number("BCRYPT_QUEUE", 1000, 0, 1000)

    def default_secret(self, name: str) -> str:
        return f"only for tests, {name.lower()}, {'x' * MIN_SECRET_LENGTH}"

    def default_mongodb_uri(self) -> str:
        return "mongomock://localhost/latchkey"


CONFIGS = {
    f"config.{kind.__name__}": kind for kind in (ProductionConfig, DevelopmentConfig, TestingConfig)
}


def read(variables: Mapping[str, str]) -> tuple[BaseConfig, list[str]]:
    """The settings as far as they can be read, and what is wrong with them.

    Raises:
        ConfigError: it is not even clear which kind of process this is.
    """
    env = Environment(variables)
    kind = CONFIGS.get(env.text("APP_SETTINGS", "config.ProductionConfig"))
    if kind is None:
        raise ConfigError(["APP_SETTINGS must be one of " + ", ".join(CONFIGS)])
    return kind(env), env.problems


def load(variables: Mapping[str, str] | None = None) -> BaseConfig:
    """The settings of this process, from `variables` or the environment.

    Raises:
        ConfigError: naming every setting that is missing or invalid.
    """
    settings, problems = read(os.environ if variables is None else variables)
    if problems:
        raise ConfigError(problems)
    return settings
