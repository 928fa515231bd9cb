"""Settings: their defaults, and what is said when they are wrong (CONTRACT 2)."""

import os
import subprocess
import sys
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
    "RATELIMIT_STORAGE_URI": "",  # the MongoDB
    "TRUSTED_PROXIES": 0,
    "METRICS_TOKEN": "",
    "DEBUG": False,
    "TESTING": False,
}


def problems(**variables: str) -> list[str]:
    """What is wrong with production's settings once these are changed."""
    try:
        config.load(PRODUCTION | variables)
    except config.ConfigError as error:
        return error.problems
    return []


@pytest.mark.parametrize(("name", "expected"), DEFAULTS.items())
def test_a_setting_that_is_not_set_has_its_default(name: str, expected: object) -> None:
    assert getattr(config.load(PRODUCTION), name) == expected


def test_production_is_what_runs_unless_something_else_is_asked_for() -> None:
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
def test_a_process_hashes_on_its_share_of_the_cores_and_leaves_half_of_its_threads_to_pages(
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
def test_production_names_what_is_missing(name: str, value: str) -> None:
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


@pytest.mark.parametrize("name", ["SECRET_KEY", "MONGODB_URI", "APP_MAIL_SERVER"])
def test_development_and_tests_need_none_of_it(name: str) -> None:
    assert config.load({"APP_SETTINGS": "config.TestingConfig", name: ""})


def test_what_excludes_each_other_and_what_belongs_together_is_said() -> None:
    both = problems(APP_MAIL_USE_TLS="true", APP_MAIL_USE_SSL="true")
    assert both == ["APP_MAIL_USE_TLS and APP_MAIL_USE_SSL exclude each other"]
    together = ["APP_MAIL_USERNAME and APP_MAIL_PASSWORD are set together or not"]
    assert problems(APP_MAIL_USERNAME="latchkey") == together
    assert problems(APP_MAIL_PASSWORD="s3cret-pass") == together
    assert problems(APP_MAIL_USERNAME="latchkey", APP_MAIL_PASSWORD="s3cret-pass") == []


def test_keys_that_are_set_leave_nothing_behind_in_development(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "ROOT", tmp_path)
    settings = config.load(PRODUCTION | {"APP_SETTINGS": "config.DevelopmentConfig"})
    assert PRODUCTION["SECRET_KEY"] == settings.SECRET_KEY  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


def test_keys_that_development_makes_up_are_kept_and_nobody_elses_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "ROOT", tmp_path)
    first, second = (
        config.load({"APP_SETTINGS": "config.DevelopmentConfig"}).SECRET_KEY  # type: ignore[attr-defined]
        for _start in range(2)
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


def test_a_process_with_bad_settings_ends_with_one_message_that_names_them_all() -> None:
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
