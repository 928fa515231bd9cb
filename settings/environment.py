"""Reads environment variables with types, and collects the problems.

`problems` lists all of them, so that an operator need not restart for each one. Messages never have
values, because some values are secrets.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import NamedTuple

from settings.connections import check_mongodb_uri, check_storage_uri
from settings.hosts import (
    LONGEST_NAME,
    cookie_domain,
    host,
    public_url,
    sender,
    trusted_app,
    web_origin,
)

MIN_SECRET_LENGTH = 32
_LARGEST_FILE = 64 * 1024
# Pages and headers of mails cannot have these: control characters, line and paragraph separators,
# and bytes that are not UTF-8 (surrogates).
_UNSOUND = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,8}")
_RATE = re.compile(r"([0-9]{1,9}) per (?:([0-9]{1,4}) )?(second|minute|hour|day)s?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}


class Rate(NamedTuple):
    """At most `limit` attempts in `window` seconds."""

    limit: int
    window: int


class Environment:
    """Reads environment variables with types, and collects the problems."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._wrong: set[str] = set()
        self.problems: list[str] = []

    def refuse(self, name: str, why: str) -> None:
        """Adds a problem of a setting. Only the first problem of each setting is kept."""
        if name not in self._wrong:
            self.problems.append(f"{name} {why}")
            self._wrong.add(name)

    def sound(self, *names: str) -> bool:
        """Whether these settings have no known problem. Only then can they be compared."""
        return self._wrong.isdisjoint(names)

    # Texts

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        """The value without the spaces around it. An empty value counts as not set."""
        return self._checked(name, self._given(name).strip(), default, required=required)

    def title(self, name: str, default: str) -> str:
        """A short text for pages and for headers of mails."""
        value = self.text(name, default)
        if len(value) > LONGEST_NAME:
            self.refuse(name, f"must have at most {LONGEST_NAME} characters")
        return value

    def secret(self, name: str, default: str = "", *, required: bool = False) -> str:
        """A secret, from the variable or from the file that NAME_FILE names."""
        return self._checked(name, self._secret(name).strip(), default, required=required)

    def password(self, name: str) -> str:
        """A secret whose spaces count, because people choose it."""
        value = self._secret(name)
        return self._checked(name, value if value.strip() else "", "", required=False)

    def secrets(self, name: str) -> list[str]:
        """Secrets, separated by commas."""
        values = [value.strip() for value in self._secret(name).split(",")]
        return [self._checked(name, value, "", required=False) for value in values if value]

    def key(self, name: str, *, required: bool) -> str:
        """A secret of at least 32 characters (ASVS 13.3: none is built in).

        Invisible characters do not count, and spaces in a row count as one.
        """
        value = self.secret(name, required=required)
        seen = "".join(char for char in value if unicodedata.category(char)[0] != "C")
        if value and len(" ".join(seen.split())) < MIN_SECRET_LENGTH:
            self.refuse(name, f"must have at least {MIN_SECRET_LENGTH} characters")
        return value

    def token(self, name: str) -> str:
        """A secret that an HTTP header carries."""
        value = self.secret(name)
        if not re.fullmatch("[!-~]*", value):
            self.refuse(name, "must consist of ASCII letters, digits and signs, without spaces")
        return value

    # Numbers and flags

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        text = self.text(name, str(default))
        value = int(text) if _NUMBER.fullmatch(text) else low - 1
        if not low <= value <= high:
            self.refuse(name, f"must be a whole number from {low} to {high}")
        return value

    def rate(self, name: str, default: str) -> Rate:
        """A rate, such as "10 per 15 minutes"."""
        found = _RATE.fullmatch(self.text(name, default).lower())
        limit, window = (0, 0)
        if found:
            limit, window = int(found[1]), int(found[2] or 1) * _SECONDS[found[3]]
        if not (limit and window):
            self.refuse(name, "must be like '10 per 15 minutes'")
        return Rate(limit, window)

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self.text(name, str(default)).lower()
        if value not in _TRUE | _FALSE:
            self.refuse(name, "must be true or false")
        return value in _TRUE

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self.text(name, default).lower()
        if value not in choices:
            self.refuse(name, "must be one of " + ", ".join(choices))
        return value

    # Addresses

    def host(self, name: str, *, required: bool) -> str:
        """The name of a machine, or its IP address."""
        return self._read(
            name,
            self.text(name, required=required),
            lambda text: host(text, underscores=True),
            "must be only a host name or an IP address, like mail.example.org;"
            " set the port in APP_MAIL_PORT",
        )

    def url(self, name: str, default: str, *, required: bool) -> str:
        """The address that people reach the app at, without a trailing slash."""
        return self._read(
            name,
            self.text(name, default, required=required),
            public_url,
            "must be an address like https://app.example.org or https://example.org/accounts,"
            " without user, query and fragment",
        )

    def trusted_apps(self, name: str) -> list[str]:
        """Hosts of other apps, each with or without a port, separated by commas."""
        return self._list(
            name,
            trusted_app,
            "must be host names like wiki.example.org or wiki.example.org:8443, separated by"
            " commas, without scheme, path and wildcard",
        )

    def origins(self, name: str) -> list[str]:
        """Origins of web sites, separated by commas."""
        return self._list(
            name,
            web_origin,
            "must be origins like https://app.example.org, separated by commas, without path and"
            " wildcard",
        )

    def cookie_domain(self, name: str) -> str:
        """A domain whose subdomains share a cookie."""
        return self._read(
            name,
            self.text(name),
            cookie_domain,
            "must be a domain like example.org, without a dot before it; not a top-level domain and"
            " not an IP address",
        )

    def sender(self, name: str, default: str, *, required: bool) -> str:
        """The address that mails come from, with or without a name before it."""
        return self._read(
            name,
            self.text(name, default, required=required),
            sender,
            "must be one address with ASCII letters before the @, like accounts@example.org or"
            ' "Acme, Inc." <accounts@example.org>',
        )

    def storage_uri(self, name: str) -> str:
        """The storage for counting attempts; empty for the MongoDB of the app."""
        value = self.secret(name)
        kinds = ("mongodb", "mongodb+srv", "memory", "redis", "rediss", "memcached", "valkey")
        if value and value.partition("://")[0] not in kinds:
            self.refuse(name, "must begin with one of " + ", ".join(kinds))
            return value
        why = "cannot be used: it is not complete, or its driver is not installed"
        self._check(name, value, check_storage_uri, why)
        return value

    def mongodb_uri(self, name: str, default: str, *, required: bool, mock_allowed: bool) -> str:
        """A connection string whose path names the database."""
        value = self.secret(name, default, required=required)
        if not value:
            return value
        scheme, _, rest = value.partition("://")
        if scheme not in {"mongodb", "mongodb+srv", "mongomock"}:
            self.refuse(name, "must begin with mongodb:// or mongodb+srv://")
        elif scheme == "mongomock" and not mock_allowed:
            self.refuse(name, "must be a real MongoDB in production, not mongomock")
        elif not rest.partition("/")[2].partition("?")[0]:
            self.refuse(name, "must name the database in its path: mongodb://host/NAME")
        why = "is not a connection string that MongoDB understands"
        self._check(name, value, check_mongodb_uri, why)
        return value

    # How a value is found and checked

    def _given(self, name: str) -> str:
        return _without_newline(self._variables.get(name, ""))

    def _secret(self, name: str) -> str:
        given, path = self._given(name), self.text(f"{name}_FILE")
        if not path:
            return given
        if given.strip():
            self.refuse(name, f"and {name}_FILE exclude each other")
            return ""
        value, why = _content(path)
        if why:
            self.refuse(f"{name}_FILE", why)
            self._wrong.add(name)
        return value

    def _checked(self, name: str, value: str, default: str, *, required: bool) -> str:
        if _UNSOUND.search(value):
            self.refuse(name, "has line breaks, control characters or bytes that are not UTF-8")
            return default
        if required and not (value or default):
            self.refuse(name, "is required")
        return value or default

    def _read(self, name: str, text: str, read: Callable[[str], str], why: str) -> str:
        try:
            return read(text) if text else ""
        except ValueError:
            self.refuse(name, why)
            return ""

    def _list(self, name: str, read: Callable[[str], str], why: str) -> list[str]:
        """Values separated by commas, each once."""
        texts = [text.strip() for text in self.text(name).split(",")]
        values = [self._read(name, text, read, why) for text in texts if text]
        return [value for value in dict.fromkeys(values) if value]

    def _check(self, name: str, value: str, check: Callable[[str], None], why: str) -> None:
        try:
            if value and self.sound(name):
                check(value)
        except ValueError:
            self.refuse(name, why)


def _without_newline(value: str) -> str:
    """The value without one line break at its end, which files and tools add."""
    return value.removesuffix("\n").removesuffix("\r") if value.endswith("\n") else value


def _content(path: str) -> tuple[str, str]:
    """The content of a file and the problem with it; one of them is empty. The problem never names
    the path, because the path may be the secret by mistake."""
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        value = _without_newline(content.decode("utf-8-sig"))
    except OSError as error:
        return "", f"names a file that cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        return "", "names a file that is not UTF-8"
    if len(content) > _LARGEST_FILE:
        return "", "names a file that is too large for a setting"
    return value, "" if value.strip() else "names an empty file"
