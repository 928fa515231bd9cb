"""Advice on addresses: typos are found, and real providers get no suggestion."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import dns.exception
import dns.name
import dns.resolver
import pytest

from app.users import address_advice
from app.users.address_advice import (
    COMMON_DOMAINS,
    did_you_mean,
    mail_hosts,
    seems_undeliverable,
)

SLIPS = {
    "gmial.com": "gmail.com",
    "gmai.com": "gmail.com",
    "gmail.con": "gmail.com",
    "gmail.co": "gmail.com",
    "gmail.cm": "gmail.com",
    "hotmial.com": "hotmail.com",
    "hotmai.com": "hotmail.com",
    "yahooo.com": "yahoo.com",
    "outlok.com": "outlook.com",
    "iclod.com": "icloud.com",
    "protonmial.com": "protonmail.com",
}
REAL = [
    *("fastmail.fm", "protonmail.ch", "hotmail.com.br", "outlook.com.br", "yahoo.com.au"),
    *("zohomail.com", "email.com", "mailo.com", "tmail.com", "mymail.com", "prontomail.com"),
    *("yopmail.com", "hotmail.de", "outlook.jp", "outlook.com.ar", "live.nl", "yahoo.co.jp"),
    *("gmx.ch", "love.com", "rocketmail.com", "posteo.net", "mail.de", "icloud.com.cn"),
]


class NameServer:
    """A name server with the records that a test has set."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[Any]] = {}
        self.error: type[Exception] | None = None
        self.asked = 0

    def mx(self, domain: str, *hosts: str) -> None:
        """The mail exchangers of a domain."""
        self.records[domain, "MX"] = [SimpleNamespace(preference=0, exchange=h) for h in hosts]

    def resolve(self, domain: str, kind: str) -> list[Any]:
        """Has the signature of dnspython's resolver."""
        self.asked += 1
        if self.error:
            raise self.error
        if domain not in {name for name, _kind in self.records}:
            raise dns.resolver.NXDOMAIN
        if (domain, kind) not in self.records:
            raise dns.resolver.NoAnswer
        return self.records[domain, kind]


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(address_advice, "mail_hosts", mail_hosts)
    monkeypatch.setattr(address_advice, "_resolver", lambda: server)
    address_advice._look_up.cache_clear()
    yield server
    address_advice._look_up.cache_clear()


@pytest.mark.parametrize(("slip", "meant"), SLIPS.items())
def test_a_typo_is_found(slip: str, meant: str) -> None:
    assert did_you_mean(f"Ada@{slip}") == f"Ada@{meant}"
    assert did_you_mean(f"Ada@{slip.upper()}") == f"Ada@{meant}"


@pytest.mark.parametrize("domain", [*REAL, *COMMON_DOMAINS])
def test_a_real_provider_gets_no_suggestion(domain: str) -> None:
    assert did_you_mean(f"ada@{domain}") is None


def test_a_domain_with_mail_exchangers_gets_no_suggestion(name_server: NameServer) -> None:
    name_server.mx("gmial.com", "mail.gmial.com")
    assert did_you_mean("ada@gmial.com") is None
    assert not seems_undeliverable("gmial.com")


@pytest.mark.parametrize("error", [dns.exception.Timeout, dns.resolver.NXDOMAIN, OSError])
def test_a_typo_without_mail_exchangers_gets_a_suggestion(
    name_server: NameServer, error: type[Exception]
) -> None:
    name_server.error = error
    assert did_you_mean("ada@gmial.com") == "ada@gmail.com"


def test_a_host_without_mail_exchangers_still_gets_a_suggestion(
    name_server: NameServer,
) -> None:
    name_server.records["gmial.com", "A"] = [SimpleNamespace(address="93.184.215.14")]
    assert did_you_mean("ada@gmial.com") == "ada@gmail.com"
    assert not seems_undeliverable("gmial.com")


def test_a_domain_that_takes_no_mail_is_reported(name_server: NameServer) -> None:
    name_server.mx("null.example", "")  # RFC 7505
    assert seems_undeliverable("null.example")
    assert seems_undeliverable("nowhere.example")
    assert not seems_undeliverable("gmail.com")


@pytest.mark.parametrize("error", [dns.exception.Timeout, OSError])
def test_without_an_answer_of_dns_no_domain_is_reported_as_undeliverable(
    name_server: NameServer, error: type[Exception]
) -> None:
    name_server.error = error
    assert not seems_undeliverable("example.org")


def test_a_name_server_is_asked_only_once_even_if_it_does_not_answer(
    name_server: NameServer,
) -> None:
    name_server.error = dns.exception.Timeout
    for _page in range(5):
        assert did_you_mean("ada@gmial.com")
    assert name_server.asked == 1
    did_you_mean("ada@gmail.com")
    did_you_mean("ada@example.com")
    assert name_server.asked == 1, "only an unlikely domain needs it"
