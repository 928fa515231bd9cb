"""Advice about an address before a mail is sent: "did you mean", and whether DNS knows the domain.

It never refuses an address: a wrong answer of a resolver must not keep anybody out.
"""

from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING

import email_validator

if TYPE_CHECKING:
    from dns.resolver import Resolver

_DNS_TIMEOUT = 2  # seconds

# The domains that most people use. A domain on the list is never taken for a typo of another.
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


def did_you_mean(typed: str) -> str | None:
    """The address that was probably meant, such as `ada@gmail.com` for `ada@gmial.com`, or None."""
    local, _, domain = typed.rpartition("@")
    meant = likely_domain(domain.lower())
    return f"{local}@{meant}" if meant else None


def likely_domain(domain: str) -> str | None:
    """The well-known domain that was probably meant, or None."""
    if domain in COMMON_DOMAINS:
        return None
    return next(iter(get_close_matches(domain, COMMON_DOMAINS, 1, _LIKENESS)), None)


@cache
def _resolver() -> "Resolver":
    return email_validator.caching_resolver(timeout=_DNS_TIMEOUT)


def seems_undeliverable(domain: str) -> bool:
    """Whether DNS says that the domain takes no mail; False when DNS does not answer in 2 s."""
    if domain in COMMON_DOMAINS:
        return False
    # Imported here: a DNS client takes long to load, and only this advice needs it.
    from email_validator.deliverability import validate_email_deliverability

    try:
        validate_email_deliverability(domain, domain, dns_resolver=_resolver())
    except email_validator.EmailUndeliverableError:
        return True
    except Exception:
        return False
    return False
