"""Failures while connecting, encrypting or signing in block the queue and lose no letter."""

import re
from pathlib import Path

import pytest
import time_machine
from aiosmtpd.smtp import SMTP, AuthResult

import config
from app.mail.smtp_client import ehlo_name
from tests.mail.conftest import Delivery, MakeDelivery
from tests.mail.smtp_server import SmtpServer, tls_context

ADA, BOB = "ada@example.com", "bob@example.com"
NOON = "2026-11-24 12:00:00Z"
LOGIN = {"APP_MAIL_USERNAME": "latchkey", "APP_MAIL_PASSWORD": "right"}
PLAIN_AUTH = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


class _OAuthServer(SmtpServer):
    """A server that accepts only access tokens."""

    async def auth_XOAUTH2(self, _server: SMTP, _args: list[str]) -> AuthResult:
        """Hook of aiosmtpd."""
        return AuthResult(success=False)


def _assert_the_queue_is_blocked(delivery: Delivery, expected: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        delivery.register(ADA, BOB)
        assert delivery.worker.run_once() is True
        assert expected in delivery.ready()["blocked"]
        clock.shift(100 * 3600)
        assert delivery.worker.run_once() is True, "dropped after three days"
    letters = delivery.letters()
    assert [letter["attempts"] for letter in letters] == [0, 0]
    assert all(letter["due_on"] for letter in letters)
    assert delivery.server.taken == []


@PLAIN_AUTH
def test_a_server_that_accepts_only_access_tokens_blocks_the_queue(
    make_delivery: MakeDelivery,
) -> None:
    server = _OAuthServer()
    server.start(auth_require_tls=False, auth_exclude_mechanism=["LOGIN", "PLAIN"])
    try:
        delivery = make_delivery(APP_MAIL_PORT=str(server.port), **LOGIN)
        _assert_the_queue_is_blocked(delivery, "does not let us sign in")
        assert "authentication method" in delivery.letters()[0]["trouble"]
    finally:
        server.stop()


@PLAIN_AUTH
@pytest.mark.parametrize("excluded", [["LOGIN"], ["PLAIN"]], ids=["PLAIN", "LOGIN"])
def test_a_password_with_an_umlaut_is_sent_as_utf_8(
    server: SmtpServer, make_delivery: MakeDelivery, excluded: list[str]
) -> None:
    """PLAIN needs UTF-8 (RFC 4616 2)."""
    server.password = "grüße €"
    server.start(auth_required=True, auth_require_tls=False, auth_exclude_mechanism=excluded)
    delivery = make_delivery(APP_MAIL_USERNAME="jörg", APP_MAIL_PASSWORD="grüße €")
    delivery.register(ADA)
    assert delivery.worker.run_once() is False
    assert len(server.taken) == 1


def test_tls_to_a_server_without_tls_blocks_the_queue(make_delivery: MakeDelivery) -> None:
    _assert_the_queue_is_blocked(make_delivery(APP_MAIL_USE_SSL="true"), "does not support TLS")


def test_plain_smtp_to_a_server_that_expects_tls_blocks_the_queue(
    server: SmtpServer, make_delivery: MakeDelivery
) -> None:
    server.start(ssl_context=tls_context())
    _assert_the_queue_is_blocked(make_delivery(MAIL_TIMEOUT="1"), "cannot be reached")


def test_a_server_name_that_dns_does_not_know_blocks_the_queue(make_delivery: MakeDelivery) -> None:
    delivery = make_delivery(APP_MAIL_SERVER="mail.invalid")
    _assert_the_queue_is_blocked(delivery, "cannot be reached")


def test_compose_passes_every_mail_setting_on_and_can_turn_ssl_off() -> None:
    root = Path(__file__).parents[2]
    settings = set(re.findall(r'"(APP_MAIL_\w+)"', (root / "config.py").read_text()))
    passed = dict(
        re.findall(r"^    (APP_MAIL_\w+): \$\{\1(.*)\}$", (root / "compose.yaml").read_text(), re.M)
    )
    assert passed.keys() == settings
    assert passed["APP_MAIL_USE_SSL"] == ":-", "empty if it is not set"
    # An empty value counts as not set: SSL is on, unless STARTTLS is on.
    testing = {"APP_SETTINGS": "config.TestingConfig"}
    modes = [
        config.load(testing | {"APP_MAIL_USE_SSL": ssl, "APP_MAIL_USE_TLS": tls})
        for ssl, tls in (("", "false"), ("", "true"), ("false", "false"))
    ]
    assert [mode.MAIL_USE_SSL for mode in modes] == [True, False, False]


@pytest.mark.parametrize(
    ("public_url", "sender", "name"),
    [
        ("https://app.example.org", "no-reply@example.com", "app.example.org"),
        ("https://app.example.org:8443", "no-reply@example.com", "app.example.org"),
        ("https://App.Bücher.example", "no-reply@example.com", "app.xn--bcher-kva.example"),
        ("http://127.0.0.1:5000", "Name <no-reply@example.com>", "example.com"),
        ("http://[::1]:5000", "no-reply@example.com", "example.com"),
        ("http://localhost:5000", "no-reply@example.com", "example.com"),
        ("http://intranet", "no-reply@bücher.example", "xn--bcher-kva.example"),
        ("", "root@localhost", "localhost"),
        ("http://[", "@", "localhost"),
    ],
)
def test_the_name_in_ehlo_fits_the_sender(public_url: str, sender: str, name: str) -> None:
    assert ehlo_name(public_url, sender) == name


def test_ehlo_has_the_host_of_the_public_address(make_delivery: MakeDelivery) -> None:
    """In a container the machine's name has no dot, and relays refuse `[127.0.0.1]`."""
    delivery = make_delivery(PUBLIC_URL="https://app.example.org")
    delivery.register(ADA)
    delivery.worker.run_once()
    assert delivery.server.names == ["app.example.org"]
