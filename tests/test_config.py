"""Settings: their defaults, and the messages about wrong values."""

import os
import subprocess
import sys
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

import pytest

import config

ROOT = Path(__file__).parents[1]
PRODUCTION = {
    "SECRET_KEY": "only-for-tests-secret-key-0123456789",
    "SECURITY_PASSWORD_SALT": "only-for-tests-password-salt-0123456789",
    "MONGODB_URI": "mongodb://operator:s3cret-pass@db.example.org/latchkey",
    "PUBLIC_URL": "https://app.example.org",
    "APP_MAIL_SERVER": "mail.example.org",
    "APP_MAIL_DEFAULT_SENDER": "no-reply@example.org",
}
REQUIRED = list(PRODUCTION)

DEFAULTS = {
    "APP_NAME": "Latchkey",
    "SECRET_KEY_FALLBACKS": [],
    "MAIL_PORT": 465,
    "MAIL_USE_SSL": True,
    "MAIL_USE_TLS": False,
    "MAIL_USERNAME": None,
    "MAIL_PASSWORD": None,
    "BCRYPT_LOG_ROUNDS": 12,
    "CONFIRM_MAX_AGE": 3600,
    "RESET_MAX_AGE": 3600,
    "EMAIL_CHANGE_MAX_AGE": 3600,
    "EMAIL_UNDO_MAX_AGE": 604800,
    "MAIL_LEASE": 60,
    "MAIL_TIMEOUT": 10,
    "RESEND_COOLDOWN": 60,
    "UNCONFIRMED_DAYS": 7,
    "SESSION_COOKIE_SECURE": True,
    "SESSION_DAYS": 30,
    "SESSION_IDLE_HOURS": 12,
    "RATELIMIT_ENABLED": True,
    "RATELIMIT_STORAGE_URI": "",  # counts in the MongoDB of the app
    "TRUSTED_PROXIES": 0,
    "TRUSTED_APPS": [],
    "API_ORIGINS": [],
    "SESSION_COOKIE_DOMAIN": None,
    "SESSION_COOKIE_NAME": "__Host-session",
    "METRICS_TOKEN": "",
    "DEBUG": False,
    "TESTING": False,
}


def problems(**variables: str) -> list[str]:
    """The problems of valid production settings with these changes."""
    try:
        config.load(PRODUCTION | variables)
    except config.ConfigError as error:
        return error.problems
    return []


@pytest.mark.parametrize(("name", "expected"), DEFAULTS.items())
def test_an_unset_setting_has_its_default(name: str, expected: object) -> None:
    assert getattr(config.load(PRODUCTION), name) == expected


def test_production_is_the_default_configuration() -> None:
    assert type(config.load(PRODUCTION)) is config.ProductionConfig
    assert problems(APP_SETTINGS="config.NoSuchConfig") == [
        "APP_SETTINGS must be one of config.ProductionConfig, config.DevelopmentConfig,"
        " config.TestingConfig"
    ]


@pytest.mark.parametrize(
    ("variable", "given", "name", "expected"),
    [
        ("APP_NAME", " Zoë's Keys ", "APP_NAME", "Zoë's Keys"),
        ("PUBLIC_URL", "https://app.example.org/", "PUBLIC_URL", "https://app.example.org"),
        ("SECRET_KEY_FALLBACKS", " a , b,", "SECRET_KEY_FALLBACKS", ["a", "b"]),
        ("APP_MAIL_PORT", "587", "MAIL_PORT", 587),
        ("APP_MAIL_USE_TLS", "true", "MAIL_USE_SSL", False),
        ("APP_MAIL_USE_SSL", "no", "MAIL_USE_SSL", False),
        ("SESSION_COOKIE_SECURE", "off", "SESSION_COOKIE_NAME", "session"),
        ("SESSION_COOKIE_SECURE", "on", "SESSION_COOKIE_NAME", "__Host-session"),
        ("BCRYPT_LOG_ROUNDS", "4", "BCRYPT_LOG_ROUNDS", 4),
        ("BCRYPT_LOG_ROUNDS", "16", "BCRYPT_LOG_ROUNDS", 16),
        ("RESEND_COOLDOWN", "0", "RESEND_COOLDOWN", 0),
        ("RATELIMIT_ENABLED", "FALSE", "RATELIMIT_ENABLED", False),
        ("APP_NAME", "", "APP_NAME", "Latchkey"),
    ],
)
def test_a_setting_is_read(variable: str, given: str, name: str, expected: object) -> None:
    assert getattr(config.load(PRODUCTION | {variable: given}), name) == expected


@pytest.mark.parametrize(
    ("cores", "processes", "threads", "at_once", "queue"),
    [
        (2, "2", "64", 2, 8),
        (8, "2", "64", 5, 20),
        (64, "2", "64", 32, 0),
        (16, "16", "64", 2, 8),
        (1, "2", "8", 2, 2),
        (2, "2", "1", 1, 0),
    ],
)
def test_a_process_hashes_on_its_share_of_the_cores_and_keeps_half_of_its_threads_for_pages(
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    processes: str,
    threads: str,
    at_once: int,
    queue: int,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)), raising=False)
    found = config.load(PRODUCTION | {"WEB_CONCURRENCY": processes, "WEB_THREADS": threads})
    assert (at_once, queue) == (found.BCRYPT_AT_ONCE, found.BCRYPT_QUEUE)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", ["", "   "])
def test_production_names_missing_settings(name: str, value: str) -> None:
    assert problems(**{name: value}) == [f"{name} is required"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "k" * 31),
        ("SECURITY_PASSWORD_SALT", "s" * 31),
        ("MONGODB_URI", "mongomock://localhost/latchkey"),
        ("MONGODB_URI", "mongodb://db.example.org"),
        ("MONGODB_URI", "mongodb://db.example.org/?w=1"),
        ("MONGODB_URI", "mongodb:///latchkey"),
        ("MONGODB_URI", "mongodb://db.example.org:99999/latchkey"),
        ("MONGODB_URI", "mongodb://user:p@ss@db.example.org/latchkey"),
        ("MONGODB_URI", "postgres://db.example.org/latchkey"),
        ("MONGODB_URI", "latchkey"),
        ("PUBLIC_URL", "accounts.example.org"),
        ("PUBLIC_URL", "ftp://app.example.org"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https://app.example.org/?x=1"),
        ("PUBLIC_URL", "https://[::1"),
        ("APP_MAIL_PORT", "0"),
        ("APP_MAIL_PORT", "65536"),
        ("APP_MAIL_PORT", "smtp"),
        ("APP_MAIL_USE_TLS", "maybe"),
        ("APP_MAIL_USE_SSL", "2"),
        ("APP_MAIL_DEFAULT_SENDER", "nobody"),
        ("BCRYPT_LOG_ROUNDS", "3"),
        ("BCRYPT_LOG_ROUNDS", "17"),
        ("BCRYPT_LOG_ROUNDS", "twelve"),
        ("BCRYPT_LOG_ROUNDS", "10.5"),
        ("BCRYPT_AT_ONCE", "0"),
        ("BCRYPT_QUEUE", "-1"),
        ("BCRYPT_QUEUE", "64"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_THREADS", "many"),
        ("WEB_HEADER_TIMEOUT", "0"),
        ("WEB_BODY_TIMEOUT", "soon"),
        ("CONFIRM_MAX_AGE", "0"),
        ("CONFIRM_MAX_AGE", "-1"),
        ("CONFIRM_MAX_AGE", "an hour"),
        ("RESET_MAX_AGE", "0"),
        ("EMAIL_CHANGE_MAX_AGE", "0"),
        ("EMAIL_UNDO_MAX_AGE", "0"),
        ("MAIL_LEASE", "0"),
        ("MAIL_TIMEOUT", "0"),
        ("RESEND_COOLDOWN", "-1"),
        ("UNCONFIRMED_DAYS", "0"),
        ("SESSION_COOKIE_SECURE", "perhaps"),
        ("SESSION_DAYS", "0"),
        ("SESSION_IDLE_HOURS", "0"),
        ("RATELIMIT_ENABLED", "sometimes"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "all"),
    ],
)
def test_an_invalid_setting_is_named_and_its_value_is_not_shown(name: str, value: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"{name} ")
    assert len(value) < 9 or value not in problem


_SENDERS = [
    ("no-reply@example.test", "no-reply@example.test"),
    (" <no-reply@example.test> ", "no-reply@example.test"),
    ('"" <no-reply@example.test>', "no-reply@example.test"),
    ("No-Reply@EXAMPLE.test", "No-Reply@example.test"),
    ("no-reply@exämple.test", "no-reply@xn--exmple-cua.test"),
    ("no-reply@EXÄMPLE.test.", "no-reply@xn--exmple-cua.test"),
    ("no-reply@１２example.test", "no-reply@12example.test"),
    ("no-reply@mailhost", "no-reply@mailhost"),
    ("root@localhost", "root@localhost"),
    ("o'neil+x@example.test", "o'neil+x@example.test"),
    ('"Acme, Inc." <no-reply@example.test>', '"Acme, Inc." <no-reply@example.test>'),
    ("Acme Inc. <no-reply@example.test>", '"Acme Inc." <no-reply@example.test>'),
    ('"A \\"B\\" C" <a@example.test>', '"A \\"B\\" C" <a@example.test>'),
    ("Zoë’s Keys<a@example.test>", "Zoë’s Keys <a@example.test>"),
]


@pytest.mark.parametrize(("given", "expected"), _SENDERS)
def test_a_valid_sender_is_accepted(given: str, expected: str) -> None:
    settings = config.load(PRODUCTION | {"APP_MAIL_DEFAULT_SENDER": given})
    assert expected == settings.MAIL_DEFAULT_SENDER
    name, address = parseaddr(settings.MAIL_DEFAULT_SENDER)
    assert address.isascii()
    # app/mail/message.py makes the header like this, and smtplib the envelope.
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = Address(name, addr_spec=address)
    message["Message-ID"] = f"<1@{address.rpartition('@')[2]}>"
    read = message_from_bytes(message.as_bytes(), policy=policy.default)["From"].addresses[0]
    assert (read.addr_spec, read.display_name) == (address, name)


@pytest.mark.parametrize(
    "value",
    [
        "Acme, Inc. <no-reply@example.test>",
        "Acme: Inc <no-reply@example.test>",
        "Acme (Inc) <no-reply@example.test>",
        "Acme@Work <no-reply@example.test>",
        '"Acme <no-reply@example.test>',
        '"Acme" Inc" <no-reply@example.test>',
        "grüße@example.test",
        "no-reply\u00a0@example.test",
        "@",
        "@example.test",
        "no-reply@",
        "no-reply",
        "a@b@example.test",
        "a@example.test, b@example.test",
        "a@example.test b@example.test",
        "a@example.test; b@example.test",
        "Foo <no-reply@example.test",
        "Foo no-reply@example.test>",
        "Foo <a@example.test> <b@example.test>",
        "Foo <no-reply@example.test> bar",
        "<>",
        "Foo <>",
        "no-reply@example..test",
        "no-reply@example.test..",
        "no-reply@-example.test",
        "no-reply@ex_ample.test",
        "no-reply@exa mple.test",
        "no-reply@[192.0.2.1]",
        "no-reply@[IPv6:2001:db8::1]",
        "no-reply@192.0.2.1",
        '"no reply"@example.test',
        ".no-reply@example.test",
        "A" * 101 + " <no-reply@example.test>",
        "no-reply@" + "a" * 64 + ".test",
        "a" * 65 + "@example.test",
        "a@" + "a." * 130 + "test",
        "no-reply@example.test\nBcc: evil@example.test",
        "Foo\r\nBcc: x <no-reply@example.test>",
        "F\x00oo <no-reply@example.test>",
    ],
)
def test_an_invalid_sender_is_refused(value: str) -> None:
    (problem,) = problems(APP_MAIL_DEFAULT_SENDER=value)
    assert problem.startswith("APP_MAIL_DEFAULT_SENDER ")
    assert len(value) < 9 or value not in problem


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("mail.example.test", "mail.example.test"),
        (" MAIL.example.test. ", "mail.example.test"),
        ("mail.exämple.test", "mail.xn--exmple-cua.test"),
        ("mailhost", "mailhost"),
        ("mail_server", "mail_server"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
    ],
)
def test_a_valid_mail_server_is_accepted(given: str, expected: str) -> None:
    assert expected == config.load(PRODUCTION | {"APP_MAIL_SERVER": given}).MAIL_SERVER


@pytest.mark.parametrize(
    "value",
    [
        "smtp://mail.example.test",
        "https://mail.example.test/",
        "mail.example.test:587",
        "192.0.2.1:25",
        "[2001:db8::1]:25",
        "[2001:db8::1",
        "[192.0.2.1]",
        "[mail.example.test]",
        "mail.example.test/",
        "user@mail.example.test",
        "mail example.test",
        "mail.example.test mx.example.test",
        "mail..example.test",
        "mail.example.test..",
        ".",
        "-mail.example.test",
        "mail.example.test-",
        "999.1.1.1",
        "192.0.2",
        "0x7f.1",
        "mail.example.test\x00",
        "mail.example.test\tx",
        "mail.exa\u2003mple.test",
        "a" * 64 + ".test",
        "a." * 130 + "test",
    ],
)
def test_an_invalid_mail_server_is_refused(value: str) -> None:
    (problem,) = problems(APP_MAIL_SERVER=value)
    assert problem.startswith("APP_MAIL_SERVER ")
    assert "control characters" in problem or "APP_MAIL_PORT" in problem
    assert len(value) < 9 or value not in problem


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://app.example.test//", "https://app.example.test"),
        ("HTTPS://APP.example.test", "https://app.example.test"),
        ("https://app.exämple.test", "https://app.xn--exmple-cua.test"),
        ("https://app.example.test.:8443", "https://app.example.test:8443"),
        ("https://app.example.test:", "https://app.example.test"),
        ("https://192.0.2.1", "https://192.0.2.1"),
        ("https://[2001:DB8::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ("https://example.test/a/b-c_d.e~f/", "https://example.test/a/b-c_d.e~f"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://app.localhost", "http://app.localhost"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_valid_public_url_is_accepted(given: str, expected: str) -> None:
    assert expected == config.load(PRODUCTION | {"PUBLIC_URL": given}).PUBLIC_URL


@pytest.mark.parametrize(
    "value",
    [
        "https://a.example.test,https://b.example.test",
        "https://app.example.test,",
        "https://app.example.test/a,b",
        "https://app.exam ple.test",
        "https://app.example.test/a b",
        "https://user@app.example.test",
        "https://user:s3cret@app.example.test",
        "https://@app.example.test",
        "https://app.example.test#",
        "https://app.example.test/#x",
        "https://app.example.test?",
        "https://app.example.test/?x",
        "https://app.example.test:99999",
        "https://app.example.test:0",
        "https://app.example.test:https",
        "https://app.example.test:４４３",
        "https://app.example.test:-1",
        "https://app.example.test:4_4",
        "https://:443",
        "https:///accounts",
        "https:app.example.test",
        "//app.example.test",
        "https://app_1.example.test",
        "https://app..example.test",
        "https://.",
        "https://1.2.3",
        "https://[fe80::1%25eth0]",
        "https://2001:db8::1",
        "https://app.example.test/a//b",
        "https://app.example.test/../x",
        "https://app.example.test/./x",
        "https://app.example.test/%2e%2e/x",
        "https://app.example.test/ä",
        "https://app.example.test\\@evil.example",
        "https://app.example.test/\x7f",
        "https://app.\nexample.test",
        "https://app.example.test/\u200b",
        "https://app.example.test/" + "x" * 2000,
    ],
)
def test_an_invalid_public_url_is_refused(value: str) -> None:
    (problem,) = problems(PUBLIC_URL=value)
    assert problem.startswith("PUBLIC_URL ")
    assert value not in problem


@pytest.mark.parametrize(
    "url", ["http://app.example.test", "http://192.0.2.1", "http://127.x.test"]
)
def test_a_public_url_without_tls_and_secure_cookies_exclude_each_other(url: str) -> None:
    (problem,) = problems(PUBLIC_URL=url)
    assert "SESSION_COOKIE_SECURE=true exclude each other" in problem
    assert problems(PUBLIC_URL=url, SESSION_COOKIE_SECURE="false") == []
    assert problems(PUBLIC_URL=url, APP_SETTINGS="config.TestingConfig") == []
    assert problems(PUBLIC_URL=url, APP_SETTINGS="config.TestingConfig", SESSION_COOKIE_SECURE="1")


@pytest.mark.parametrize(
    ("given", "apps"),
    [
        ("wiki.example.org", ["wiki.example.org"]),
        (" WIKI.example.org. , chat.test:8443,", ["wiki.example.org", "chat.test:8443"]),
        ("wiki.example.org:443,wiki.example.org", ["wiki.example.org"]),
        ("wiki.example.org:80", ["wiki.example.org:80"]),
        ("bücher.example", ["xn--bcher-kva.example"]),
        ("localhost:3000", ["localhost:3000"]),
        ("192.0.2.1", ["192.0.2.1"]),
    ],
)  # fmt: skip
def test_trusted_apps_are_normalised_and_trusted_over_https_only(
    given: str, apps: list[str]
) -> None:
    settings = config.load(PRODUCTION | {"TRUSTED_APPS": given})
    assert apps == settings.TRUSTED_APPS
    assert [f"https://{app}" for app in apps] == settings.TRUSTED_ORIGINS


def test_trusted_apps_may_use_http_in_development() -> None:
    given = {"APP_SETTINGS": "config.TestingConfig", "TRUSTED_APPS": "wiki.test:80,wiki.test"}
    origins = ["https://wiki.test:80", "http://wiki.test", "https://wiki.test", "http://wiki.test"]
    assert origins == config.load(given).TRUSTED_ORIGINS


@pytest.mark.parametrize(
    "value",
    ["*.example.test", "*", "https://wiki.example.test", "//wiki.example.test",
     "wiki.example.test/", "wiki.example.test/x", "wiki.example.test:99999", "wiki.example.test:0",
     "wiki.example.test:x",
     "user@wiki.example.test", ".example.test", "wiki..example.test", "wiki.example.test?x",
     "wiki example.test", "wiki.example.test chat.example.test", "wiki.example.test\\@evil.example",
     "wiki.example.test;chat.example.test", "1.2.3", "[2001:db8::1]", "2001:db8::1",
     "chat.example.test,*.example.test", "wiki_1.example.test", "wiki.example.test\tx", "'self'"],
)  # fmt: skip
def test_an_invalid_trusted_app_is_refused(value: str) -> None:
    (problem,) = problems(TRUSTED_APPS=value)
    assert problem.startswith("TRUSTED_APPS ")
    assert len(value) < 9 or value not in problem


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("https://app.example.net", ["https://app.example.net"]),
        (" https://APP.example.net. , http://localhost:3000,",
         ["https://app.example.net", "http://localhost:3000"]),
        ("https://app.example.net:443,https://app.example.net", ["https://app.example.net"]),
        ("http://app.example.net:80", ["http://app.example.net"]),
        ("https://app.example.net:80", ["https://app.example.net:80"]),
        ("https://bücher.example", ["https://xn--bcher-kva.example"]),
        ("http://[::1]:3000", ["http://[::1]:3000"]),
    ],
)  # fmt: skip
def test_api_origins_are_written_as_browsers_send_them(given: str, origins: list[str]) -> None:
    assert origins == config.load(PRODUCTION | {"API_ORIGINS": given}).API_ORIGINS


@pytest.mark.parametrize(
    "value",
    ["*", "null", "https://*.example.test", "app.example.test", "//app.example.test", "https://",
     "ftp://app.example.test", "https://app.example.test/", "https://app.example.test/x",
     "https://app.example.test?x", "https://app.example.test#x", "https://user@app.example.test",
     "https://app.example.test:0", "https://app.example.test:99999", "https://app_1.example.test",
     "https://app.example.test https://chat.example.test", "https://app.example.test\\@evil.example",
     "https://chat.example.test,*"],
)  # fmt: skip
def test_an_invalid_api_origin_is_refused(value: str) -> None:
    (problem,) = problems(API_ORIGINS=value)
    assert problem.startswith("API_ORIGINS must be origins like ")
    assert len(value) < 9 or value not in problem


@pytest.mark.parametrize(
    ("given", "domain"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org.", "example.org"),
        ("app.example.org", "app.example.org"),
    ],
)
def test_a_shared_session_cookie_is_not_bound_to_the_host(given: str, domain: str) -> None:
    settings = config.load(PRODUCTION | {"SESSION_COOKIE_DOMAIN": given})
    assert domain == settings.SESSION_COOKIE_DOMAIN
    assert settings.SESSION_COOKIE_NAME == "__Secure-session"
    unsafe = PRODUCTION | {"SESSION_COOKIE_DOMAIN": given, "SESSION_COOKIE_SECURE": "false"}
    assert config.load(unsafe).SESSION_COOKIE_NAME == "session"


@pytest.mark.parametrize(
    ("value", "url"),
    [
        *((value, "https://app.example.org") for value in (
            "org", ".example.org", "*.example.org", "example.com", "ample.org", "xexample.org",
            "www.app.example.org", "https://example.org", "example.org:443", "example.org/",
            "exam ple.org", "example.org,example.com", "example_1.org", "localhost",
        )),
        ("192.0.2.1", "https://192.0.2.1"),
        ("2.1", "https://192.0.2.1"),
        ("::1", "https://[::1]"),
        ("localhost", "http://localhost:5000"),
        ("localhost", "http://app.localhost:5000"),
        ("example.org", "https://example.org/accounts"),
    ],
)  # fmt: skip
def test_an_invalid_cookie_domain_is_refused(value: str, url: str) -> None:
    (problem,) = problems(SESSION_COOKIE_DOMAIN=value, PUBLIC_URL=url)
    assert problem.startswith("SESSION_COOKIE_DOMAIN ")


def test_the_settings_of_the_front_door_are_named_together_with_others() -> None:
    wrong = problems(PUBLIC_URL="ftp://x", TRUSTED_APPS="*", SESSION_COOKIE_DOMAIN="org")
    assert [problem.partition(" ")[0] for problem in wrong] == [
        "PUBLIC_URL",
        "TRUSTED_APPS",
        "SESSION_COOKIE_DOMAIN",
    ]


def test_script_name_must_be_the_path_of_public_url() -> None:
    below = "https://app.example.org/accounts"
    assert problems(SCRIPT_NAME="/accounts", PUBLIC_URL=below) == []
    assert problems(SCRIPT_NAME="/accounts") == []
    (problem,) = problems(SCRIPT_NAME="/other", PUBLIC_URL=below)
    assert problem.startswith("SCRIPT_NAME and the path of PUBLIC_URL exclude each other")


@pytest.mark.parametrize(
    "value",
    ["５０", "0x10", "1_000", "1e3", "1 0", "+10", "010", "10.0", "١٢", "10\x00", "9" * 5000],
)
@pytest.mark.parametrize("name", ["CONFIRM_MAX_AGE", "APP_MAIL_PORT", "TRUSTED_PROXIES"])
def test_a_number_consists_of_ascii_digits(name: str, value: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"{name} ")


@pytest.mark.parametrize(
    "value", ["１０ per hour", "10 per ２ hours", "10/hour", "0 per hour", "x"]
)
def test_a_rate_is_written_in_one_way(value: str) -> None:
    assert problems(RATELIMIT_CLIENT=value) == ["RATELIMIT_CLIENT must be like '10 per 15 minutes'"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_NAME", "Latch\nkey"),
        ("APP_NAME", "L" * 101),
        ("APP_NAME", "Latch\x1bkey"),
        ("APP_NAME", "Latch\u2028key"),
        ("APP_NAME", os.fsdecode(b"Latch\xe9key")),
        ("APP_MAIL_PASSWORD", "s3cret\n\n"),
        ("METRICS_TOKEN", "s3cret token"),
        ("METRICS_TOKEN", "s3crét"),
        ("SECRET_KEY_FALLBACKS", "a" * 40 + ",b\x00"),
        ("SECRET_KEY", "\u200b" * 40),
        ("SECRET_KEY", "k" + "\u2003" * 40 + "k"),
        ("MONGODB_URI", "mongodb://:27017/latchkey"),
        ("MONGODB_URI", "mongodb://a,,b/latchkey"),
        ("MONGODB_URI", "mongodb://bad host/latchkey"),
        ("MONGODB_URI", "mongodb://h:２７/latchkey"),
        ("MONGODB_URI", "mongodb://h/a b"),
        ("MONGODB_URI", "mongodb://h/a.b"),
        ("MONGODB_URI", "mongodb://h/" + "x" * 64),
        ("MONGODB_URI", "mongodb://user@h/latchkey"),
        ("MONGODB_URI", "mongodb://h/latchkey?tls=true&tlsCAFile=/no/such/file"),
        ("MONGODB_URI", "mongodb://h,i/latchkey?directConnection=true"),
        ("MONGODB_URI", "mongodb+srv:///latchkey"),
        ("MONGODB_URI", "mongodb+srv://db.example.org:27017/latchkey"),
        ("MONGODB_URI", "mongodb+srv://a.example.org,b.example.org/latchkey"),
        ("RATELIMIT_STORAGE_URI", "mongodb:///latchkey"),
        ("RATELIMIT_STORAGE_URI", "mongodb://h"),
        ("RATELIMIT_STORAGE_URI", "redis"),
        ("RATELIMIT_STORAGE_URI", "sqlite:///x"),
        ("RATELIMIT_STORAGE_URI", "valkey://h"),  # its driver is not installed
    ],
)
def test_a_setting_that_its_code_cannot_use_is_refused(name: str, value: str) -> None:
    variables = {name: value}
    if name == "APP_MAIL_PASSWORD":
        variables["APP_MAIL_USERNAME"] = "latchkey"
    (problem,) = problems(**variables)
    assert problem.startswith(f"{name} ")
    assert len(value) < 9 or value not in problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MONGODB_URI", "mongodb+srv://cluster.example.org/latchkey?retryWrites=true"),
        ("MONGODB_URI", "mongodb://a_1:1,192.0.2.1,[::1]:2/latchkey?replicaSet=rs0"),
        ("MONGODB_URI", "mongodb://%2Ftmp%2Fmongodb-27017.sock/latchkey"),
        ("MONGODB_URI", "mongodb://us%40er:p%3Ass@h/latch-key?noSuchOption=1"),
        ("RATELIMIT_STORAGE_URI", "memory://"),
        ("RATELIMIT_STORAGE_URI", "mongodb://h/limits"),
    ],
)
def test_a_connection_string_that_its_library_understands_is_accepted(
    name: str, value: str
) -> None:
    assert problems(**{name: value}) == []


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_line_break_at_the_end_does_not_count(end: str) -> None:
    both = {"APP_MAIL_USERNAME": "latchkey", "APP_MAIL_PASSWORD": " s3cret pass "}
    settings = config.load({name: value + end for name, value in (PRODUCTION | both).items()})
    assert both["APP_MAIL_PASSWORD"] == settings.MAIL_PASSWORD, "its spaces are part of it"
    assert PRODUCTION["SECRET_KEY"] == settings.SECRET_KEY
    assert PRODUCTION["MONGODB_URI"] == settings.MONGODB_URI
    assert PRODUCTION["PUBLIC_URL"] == settings.PUBLIC_URL


def test_a_key_may_be_a_phrase_with_spaces() -> None:
    """An installation with such a key must still start."""
    for phrase in ("old key " * 5, "one two three four five six seven"):
        assert phrase.strip() == config.load(PRODUCTION | {"SECRET_KEY": phrase}).SECRET_KEY


_SECRETS = {
    "SECRET_KEY": "another-secret-key-for-tests-0123456789",
    "SECURITY_PASSWORD_SALT": "another-password-salt-for-tests-0123456789",
    "SECRET_KEY_FALLBACKS": "former-key-for-tests",
    "MONGODB_URI": "mongodb://operator:s3cret-pass@other.example.org/latchkey",
    "APP_MAIL_USERNAME": "s3cret-user",
    "APP_MAIL_PASSWORD": "s3cret-pass",
    "METRICS_TOKEN": "s3cret-token",
    "RATELIMIT_STORAGE_URI": "mongodb://operator:s3cret-pass@other.example.org/limits",
}


def _files(folder: Path, secrets: dict[str, str], content: str = "{}\n") -> dict[str, str]:
    """Writes each secret into a file; returns the variables that name the files."""
    for name, value in secrets.items():
        (folder / name).write_bytes(content.format(value).encode())
    return {f"{name}_FILE": str(folder / name) for name in secrets}


@pytest.mark.parametrize("content", ["{}", "{}\n", "{}\r\n", "\ufeff{}\n"])
def test_every_secret_can_come_from_a_file(tmp_path: Path, content: str) -> None:
    others = {name: value for name, value in PRODUCTION.items() if name not in _SECRETS}
    read = config.load(others | _files(tmp_path, _SECRETS, content))
    given = config.load(others | _SECRETS)
    assert vars(read) == vars(given)
    assert read.MAIL_PASSWORD == "s3cret-pass"


@pytest.mark.parametrize("name", _SECRETS)
def test_a_secret_and_its_file_exclude_each_other(tmp_path: Path, name: str) -> None:
    given = PRODUCTION | _SECRETS | _files(tmp_path, {name: _SECRETS[name]})
    assert problems(**given) == [f"{name} and {name}_FILE exclude each other"]


@pytest.mark.parametrize("name", _SECRETS)
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "empty"),
        (b" \n", "empty"),
        (b"s3cret\xff", "not UTF-8"),
        (b"s" * 100_000, "too large"),
    ],
)
def test_a_problem_with_a_file_names_its_setting(
    tmp_path: Path, name: str, content: bytes | None, why: str
) -> None:
    path = tmp_path / "s3cret-path"
    if content is not None:
        path.write_bytes(content)
    given = {other: value for other, value in (PRODUCTION | _SECRETS).items() if other != name}
    with pytest.raises(config.ConfigError) as refused:
        config.load(given | {f"{name}_FILE": str(path)})
    (problem,) = refused.value.problems
    assert problem.startswith(f"{name}_FILE names ")
    assert why in problem
    assert "s3cret" not in problem


def test_an_empty_name_of_a_file_counts_as_not_set() -> None:
    assert problems(SECRET_KEY_FILE="", METRICS_TOKEN_FILE=" ") == []


@pytest.mark.parametrize("name", ["SECRET_KEY", "MONGODB_URI", "APP_MAIL_SERVER"])
def test_development_and_tests_need_no_settings(name: str) -> None:
    assert config.load({"APP_SETTINGS": "config.TestingConfig", name: ""})


def test_conflicting_and_incomplete_settings_are_named() -> None:
    both = problems(APP_MAIL_USE_TLS="true", APP_MAIL_USE_SSL="true")
    assert both == ["APP_MAIL_USE_TLS and APP_MAIL_USE_SSL exclude each other"]
    together = ["APP_MAIL_USERNAME and APP_MAIL_PASSWORD must be set together"]
    assert problems(APP_MAIL_USERNAME="latchkey") == together
    assert problems(APP_MAIL_PASSWORD="s3cret-pass") == together
    assert problems(APP_MAIL_USERNAME="latchkey", APP_MAIL_PASSWORD="s3cret-pass") == []


def test_development_stores_no_keys_when_they_are_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "ROOT", tmp_path)
    settings = config.load(PRODUCTION | {"APP_SETTINGS": "config.DevelopmentConfig"})
    assert PRODUCTION["SECRET_KEY"] == settings.SECRET_KEY
    assert list(tmp_path.iterdir()) == []


def test_generated_development_keys_are_kept_and_only_their_owner_can_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "ROOT", tmp_path)
    first, second = (
        config.load({"APP_SETTINGS": "config.DevelopmentConfig"}).SECRET_KEY for _start in range(2)
    )
    assert first == second
    assert len(first) >= 32
    assert (tmp_path / "instance" / "secret_key").stat().st_mode & 0o077 == 0


def _start(**variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    command = "from app import create_app; create_app()"
    return subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT,
        env=clean | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_process_with_good_settings_starts() -> None:
    started = _start(**PRODUCTION)
    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")


def test_a_process_with_invalid_settings_ends_with_one_message_that_names_them_all() -> None:
    bad = {
        "SECRET_KEY": "s3cret",
        "MONGODB_URI": "mongodb://operator:s3cret@db.example.org",
        "APP_MAIL_PASSWORD": "s3cret",
        "BCRYPT_LOG_ROUNDS": "99",
        "TRUSTED_PROXIES": "x",
    }
    ended = _start(**bad)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert "s3cret" not in ended.stderr
    title, *lines = ended.stderr.strip().splitlines()
    assert "must be fixed" in title
    named = {line.removeprefix("  - ").split(" ")[0] for line in lines}
    assert named == set(bad) - {"APP_MAIL_PASSWORD"} | {"APP_MAIL_USERNAME"} | set(REQUIRED)
