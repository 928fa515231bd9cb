"""Settings, read from the environment once, at start-up.

`load()` reports all problems together, so that an operator need not restart for each of them.
`settings/` reads and checks the values.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from settings.environment import MIN_SECRET_LENGTH, Environment
from settings.hosts import is_loopback, origin

ROOT = Path(__file__).resolve().parent


class ConfigError(Exception):
    """The app cannot start with these settings; the message lists every problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(
            "Latchkey cannot start, these settings must be fixed:\n"
            + "\n".join(f"  - {problem}" for problem in problems)
        )


def _cores() -> int:
    """How many cores this process may use. The CPU quota of a container is not taken into
    account."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class BaseConfig:
    """What all three configurations share. The names are those of Flask and its extensions."""

    SECRET_KEY: str
    SECURITY_PASSWORD_SALT: str

    production: ClassVar[bool] = False
    TESTING = False
    DEBUG = False

    # No form needs more. A larger request is refused with 413 before it is read.
    MAX_CONTENT_LENGTH = 64 * 1024
    SESSION_COOKIE_HTTPONLY = True
    SESSION_COOKIE_SAMESITE = "Lax"
    # No cookie can have this name. The app has no remember cookie, and Flask-Login must not read
    # one from a request: it fails with a 500 on characters that are not ASCII.
    REMEMBER_COOKIE_NAME = ";"
    # The account's document decides how long a session lives, so the cookie is not sent again.
    SESSION_REFRESH_EACH_REQUEST = False
    # The token lives as long as the session, so that a form that was open for hours still works.
    WTF_CSRF_TIME_LIMIT = None
    WTF_CSRF_SSL_STRICT = False  # it needs a Referer, which our Referrer-Policy removes
    TEMPLATES_AUTO_RELOAD = False
    # Seconds. A write that finds an account waits for the journal and a majority, a few
    # milliseconds; a write that finds none takes one. This is several times more than either.
    EQUAL_TIME = 0.05
    MAIL_FOLDER: str | None = None

    def __init__(self, env: Environment) -> None:
        self.APP_NAME = env.title("APP_NAME", "Latchkey")
        self.TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0, 0, 10)
        self.BCRYPT_LOG_ROUNDS = env.number("BCRYPT_LOG_ROUNDS", 12, 4, 16)
        self._read_hashing(env)
        # Seconds; app/server/worker.py uses both.
        env.number("WEB_HEADER_TIMEOUT", 10, 1, 3600)
        env.number("WEB_BODY_TIMEOUT", 30, 1, 3600)
        self.METRICS_TOKEN = env.token("METRICS_TOKEN")
        self._read_limits(env)
        self._read_keys(env)
        self._read_addresses(env)
        self._read_lifetimes(env)
        self._read_second_factors(env)
        self._read_mail(env)

    def default_secret(self, name: str) -> str:
        """The key to use when none is set. Empty in production, where the key is required."""
        return ""

    def _read_limits(self, env: Environment) -> None:
        """app/security/rate_limits.py explains these limits."""
        self.RATELIMIT_ENABLED = env.flag("RATELIMIT_ENABLED", default=True)
        self.RATELIMIT_STORAGE_URI = env.storage_uri("RATELIMIT_STORAGE_URI")
        self.RATELIMIT_CLIENT = env.rate("RATELIMIT_CLIENT", "300 per 15 minutes")
        self.RATELIMIT_REGISTER = env.rate("RATELIMIT_REGISTER", "300 per hour")
        self.RATELIMIT_ACCOUNT = env.rate("RATELIMIT_ACCOUNT", "10 per 15 minutes")
        self.RATELIMIT_DEVICE = env.rate("RATELIMIT_DEVICE", "60 per 15 minutes")
        self.RATELIMIT_MAIL = env.rate("RATELIMIT_MAIL", "10 per hour")

    def _read_keys(self, env: Environment) -> None:
        for name in ("SECRET_KEY", "SECURITY_PASSWORD_SALT"):
            key = env.key(name, required=self.production)
            setattr(self, name, key or self.default_secret(name))
        self.SECRET_KEY_FALLBACKS = env.secrets("SECRET_KEY_FALLBACKS")
        # Flask-WTF has no setting for former keys, but it passes a list on to itsdangerous. The
        # last key of the list signs.
        self.WTF_CSRF_SECRET_KEY = [*reversed(self.SECRET_KEY_FALLBACKS), self.SECRET_KEY]

    def _read_addresses(self, env: Environment) -> None:
        port = env.number("PORT", 5000, 1, 65535)
        # "localhost", because browsers make no passkeys for an IP address.
        local = "" if self.production else f"http://localhost:{port}"
        self.PUBLIC_URL = env.url("PUBLIC_URL", local, required=self.production)
        self.MONGODB_URI = env.mongodb_uri(
            "MONGODB_URI",
            self.default_mongodb_uri(),
            required=True,
            mock_allowed=not self.production,
        )
        self._read_path(env)
        self.API_ORIGINS = env.origins("API_ORIGINS")
        self.SESSION_COOKIE_SECURE = env.flag("SESSION_COOKIE_SECURE", default=self.production)
        self._check_cookies(env)
        self._read_front_door(env)
        # The name if the app is at the root of a host. The prefix __Host- binds the cookie to this
        # host; browsers accept it only over HTTPS. app/security/cookies.py has the name below a
        # path.
        prefix = "__Secure-" if self.SESSION_COOKIE_DOMAIN else "__Host-"
        self.SESSION_COOKIE_NAME = f"{prefix if self.SESSION_COOKIE_SECURE else ''}session"

    def _check_cookies(self, env: Environment) -> None:
        public = urlsplit(self.PUBLIC_URL)
        unsafe = public.scheme == "http" and not is_loopback(public.hostname or "")
        if self.SESSION_COOKIE_SECURE and unsafe and env.sound("PUBLIC_URL"):
            env.refuse(
                "PUBLIC_URL",
                "with http:// and SESSION_COOKIE_SECURE=true exclude each other: browsers accept"
                " such cookies only over HTTPS, so every form would be refused",
            )

    def _read_front_door(self, env: Environment) -> None:
        """The apps behind the front door, and the domain that they share the session cookie on
        (docs/front-door.md)."""
        self.TRUSTED_APPS = env.trusted_apps("TRUSTED_APPS")
        schemes = ("https",) if self.production else ("https", "http")
        self.TRUSTED_ORIGINS = [
            origin(scheme, app) for app in self.TRUSTED_APPS for scheme in schemes
        ]
        self.SESSION_COOKIE_DOMAIN = env.cookie_domain("SESSION_COOKIE_DOMAIN") or None
        if not self.SESSION_COOKIE_DOMAIN or not env.sound("PUBLIC_URL"):
            return
        public = urlsplit(self.PUBLIC_URL)
        if not f".{public.hostname}".endswith(f".{self.SESSION_COOKIE_DOMAIN}"):
            env.refuse(
                "SESSION_COOKIE_DOMAIN",
                "must be the host of PUBLIC_URL or a domain above it: browsers would drop the"
                " cookie, so every form would be refused",
            )
        elif public.path:
            env.refuse(
                "SESSION_COOKIE_DOMAIN",
                "and a path in PUBLIC_URL exclude each other: browsers send the cookie only to"
                " addresses below that path",
            )

    def _read_path(self, env: Environment) -> None:
        """Reads the path that the app is below from PUBLIC_URL. WSGI servers read SCRIPT_NAME."""
        path, self.SCRIPT_NAME = urlsplit(self.PUBLIC_URL).path, env.text("SCRIPT_NAME").rstrip("/")
        if path and self.SCRIPT_NAME and path != self.SCRIPT_NAME:
            env.refuse(
                "SCRIPT_NAME",
                "and the path of PUBLIC_URL exclude each other unless they are the same",
            )
        self.APPLICATION_ROOT = path or "/"

    def default_mongodb_uri(self) -> str:
        """The database when `MONGODB_URI` is not set."""
        return ""

    def _read_hashing(self, env: Environment) -> None:
        """How many passwords each web process hashes at once, and how many more may wait.

        A process may use one core more than its share, because cores would be idle when one process
        gets most of the sign-ins. Half of the threads are left for pages.
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

    def _read_second_factors(self, env: Environment) -> None:
        self.REQUIRE_SECOND_FACTOR = env.choice(
            "REQUIRE_SECOND_FACTOR",
            "administrators" if self.production else "nobody",
            ("nobody", "administrators", "everybody"),
        )
        self.FACTOR_RESET_DELAY = env.number("FACTOR_RESET_DELAY", 3 * 86400, 0, 30 * 86400)
        self.TRUST_BROWSER_DAYS = env.number("TRUST_BROWSER_DAYS", 30, 0, 365)
        # The links that start and finish a reset of the second factor, in seconds.
        self.FACTOR_RESET_START_MAX_AGE, self.FACTOR_RESET_FINISH_MAX_AGE = 3600, 7 * 86400

    def _read_mail(self, env: Environment) -> None:
        self.MAIL_SERVER = env.host("APP_MAIL_SERVER", required=self.production)
        self.MAIL_USE_TLS = env.flag("APP_MAIL_USE_TLS", default=False)
        # SSL from the first byte is the default, unless STARTTLS is set. The two exclude each
        # other.
        self.MAIL_USE_SSL = env.flag("APP_MAIL_USE_SSL", default=not self.MAIL_USE_TLS)
        if self.MAIL_USE_TLS and self.MAIL_USE_SSL:
            env.problems.append("APP_MAIL_USE_TLS and APP_MAIL_USE_SSL exclude each other")
        self.MAIL_PORT = env.number("APP_MAIL_PORT", 465, 1, 65535)
        self.MAIL_USERNAME = env.secret("APP_MAIL_USERNAME") or None
        self.MAIL_PASSWORD = env.password("APP_MAIL_PASSWORD") or None
        comparable = env.sound("APP_MAIL_USERNAME", "APP_MAIL_PASSWORD")
        if comparable and bool(self.MAIL_USERNAME) != bool(self.MAIL_PASSWORD):
            env.problems.append("APP_MAIL_USERNAME and APP_MAIL_PASSWORD must be set together")
        sender = "" if self.production else "no-reply@latchkey.test"
        self.MAIL_DEFAULT_SENDER = env.sender(
            "APP_MAIL_DEFAULT_SENDER", sender, required=self.production
        )
        self.MAIL_LEASE = env.number("MAIL_LEASE", 60, 1, 86400)
        self.MAIL_TIMEOUT = env.number("MAIL_TIMEOUT", 10, 1, 600)


class ProductionConfig(BaseConfig):
    """Important settings have no defaults and must be set."""

    production = True


class DevelopmentConfig(BaseConfig):
    """`make run`: keys and mail are kept in `instance/`, so that they survive a restart."""

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
        """The embedded database. `make run` writes its address into a file."""
        note = ROOT / "instance" / "mongodb.uri"
        return note.read_text().strip() if note.exists() else "mongomock://localhost/latchkey"


class TestingConfig(BaseConfig):
    """The test suite: cheap hashes, everything in memory, nothing read from `instance/`."""

    TESTING = True
    EQUAL_TIME = 0.0

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.BCRYPT_LOG_ROUNDS = env.number("BCRYPT_LOG_ROUNDS", 4, 4, 16)
        # Tests may use many threads.
        self.BCRYPT_QUEUE = env.number("BCRYPT_QUEUE", 1000, 0, 1000)

    def default_secret(self, name: str) -> str:
        return f"only for tests, {name.lower()}, {'x' * MIN_SECRET_LENGTH}"

    def default_mongodb_uri(self) -> str:
        return "mongomock://localhost/latchkey"


CONFIGS = {
    f"config.{kind.__name__}": kind for kind in (ProductionConfig, DevelopmentConfig, TestingConfig)
}


def read(variables: Mapping[str, str]) -> tuple[BaseConfig, list[str]]:
    """The settings as far as they can be read, and the list of problems.

    Raises:
        ConfigError: APP_SETTINGS is not one of the known names.
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
