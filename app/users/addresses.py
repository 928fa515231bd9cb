"""Mail addresses: which are accepted, and when two spellings are one account."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

MAX_LENGTH = 254  # RFC 5321 4.5.3.1.3, less the angle brackets

# Invisible, although their category does not show it (Default_Ignorable_Code_Point in NFKC).
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)

# What people copy along with an address; line breaks are refused.
_SPACES = " \t\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# What stands around an address in texts: not seen, or punctuation.
_AROUND = _SPACES + "\r\n\u200b\u200c\u200d\u200e\u200f\u2060\u2066\u2067\u2068\u2069\ufeff"
_AROUND += ".,;:!?<>()[]{}\"'\u2018\u2019\u201c\u201d\u00ab\u00bb"


class AddressProblem(Enum):
    """Why a text is not an address that can have an account."""

    INVISIBLE_CHARACTERS = "invisible characters"
    TOO_LONG = "too long"
    NOT_AN_ADDRESS = "not an address"


class AddressError(ValueError):
    """Not an address that can have an account."""

    def __init__(self, problem: AddressProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Address:
    """One address in its three forms."""

    typed: str
    """As the person typed it, trimmed; this form is shown on pages."""
    key: str
    """Lower case, domain in punycode: for look-ups and the unique index."""
    mailbox: str
    """ASCII, with the case of the local part as typed (RFC 5321 2.4): for the mail server."""

    @property
    def domain(self) -> str:
        """In lower case and punycode."""
        return self.key.rpartition("@")[2]


def guessable_words(email: str) -> list[str]:
    """The parts of an address that an attacker tries first as a password."""
    local, _, domain = email.partition("@")
    return [email, local, domain, *local.replace("+", ".").split("."), domain.partition(".")[0]]


def parse_address(text: str) -> Address:
    """Reads a typed address.

    NFKC comes first, so that full-width letters give the same account as ASCII. Quoted local parts,
    display names, IP literals and non-ASCII local parts are refused: most mail systems do not
    accept them, and each one allows two spellings of one mailbox.

    Raises:
        AddressError: when it is not an address that mail can be sent to.
    """
    typed = text.strip(_SPACES)
    normal = unicodedata.normalize("NFKC", typed)
    # The IDNA mapping drops zero-width characters silently. An address that only looks like another
    # one must not become the same.
    spaces = any(unicodedata.category(char) in {"Cc", "Cf", "Zs", "Zl", "Zp"} for char in normal)
    if spaces or _INVISIBLE.search(normal):
        raise AddressError(AddressProblem.INVISIBLE_CHARACTERS)
    if len(typed) > MAX_LENGTH:
        raise AddressError(AddressProblem.TOO_LONG)
    # Imported at the first address: its patterns take 20 ms of the start-up time.
    import email_validator

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
        raise AddressError(AddressProblem.NOT_AN_ADDRESS) from None
    mailbox = f"{valid.local_part}@{valid.ascii_domain}"
    return Address(typed=typed, key=mailbox.lower(), mailbox=mailbox)


def unwrapped(text: str) -> str | None:
    """The address in a text that is refused because of what stands around it, such as
    `mailto:ada@example.org`, `<ada@example.org>` or a full stop at its end; None if there is none.
    """
    named = re.search("<([^<>]+)>", text)
    bare = (named[1] if named else text).strip(_AROUND)
    bare = re.sub("^mailto:", "", bare, flags=re.IGNORECASE).partition("?")[0].strip(_AROUND)
    try:
        return parse_address(bare).typed
    except AddressError:
        return None
