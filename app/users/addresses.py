"""Mail addresses: which are accepted, and when two spellings are one account."""

import re
import unicodedata
from dataclasses import dataclass

import email_validator

MAX_LENGTH = 254  # RFC 5321 4.5.3.1.3, less the angle brackets

# Drawn as nothing, though their category does not say so (Default_Ignorable_Code_Point in NFKC).
_DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


class AddressError(ValueError):
    """Not an address that can have an account; the message is a sentence for the person."""


@dataclass(frozen=True, slots=True)
class Address:
    """One address in its three roles."""

    typed: str
    """As the person typed it, trimmed: shown back to them."""
    key: str
    """Lower case, domain in punycode: what look-ups and the unique index use."""
    mailbox: str
    """ASCII with the case of the local part kept (RFC 5321 2.4): what mail is sent to."""


def parse_address(text: str) -> Address:
    """Reads a typed address.

    NFKC first, so that full-width letters are the same account as ASCII. Quoted locals, display
    names, IP literals and non-ASCII locals are refused: most mail systems cannot take them, and
    each is a way to make two spellings of one mailbox.

    Raises:
        AddressError: when it is not an address that mail can be sent to.
    """
    typed = text.strip(" \t")
    normal = unicodedata.normalize("NFKC", typed)
    # The IDNA mapping drops zero-width characters silently; an address that looks like
    # another one must not become it.
    spaces = any(unicodedata.category(char) in {"Cc", "Cf", "Zs", "Zl", "Zp"} for char in normal)
    if spaces or _DRAWN_AS_NOTHING.search(normal):
        raise AddressError("An address has no spaces or invisible characters.")
    if len(typed) > MAX_LENGTH:
        raise AddressError(f"An address has {MAX_LENGTH} characters at most.")
    try:
        valid = email_validator.validate_email(
            normal,
            allow_smtputf8=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            check_deliverability=False,
            strict=True,  # 64 characters before the @ (RFC 5321 4.5.3.1.1)
            test_environment=True,  # .test domains are for trying things out (RFC 6761)
        )
    except email_validator.EmailNotValidError:
        raise AddressError(
            "This is not an email address. It looks like name@example.org."
        ) from None
    mailbox = f"{valid.local_part}@{valid.ascii_domain}"
    return Address(typed=typed, key=mailbox.lower(), mailbox=mailbox)
