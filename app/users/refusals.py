"""What a mail server's refusal means: whom it is about, and whether it is temporary.

If the reply has an enhanced status code (RFC 3463), this code decides. Otherwise the reply code
(RFC 5321 4.2), the stage and the words decide. The stage alone is not enough: Postfix reports
errors of the sender, the client and HELO at RCPT, and providers report quota and identity after the
final dot. A refusal that is not clearly about the recipient counts as one about us, so that no
letter is lost.
"""

import re
from dataclasses import dataclass
from enum import Enum, StrEnum

MAX_WORDS = 300
"""How many characters of a mail server's words are kept."""


class Stage(Enum):
    """The command that was refused."""

    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    """The command DATA, or the text of the mail after it."""


class Refusal(StrEnum):
    """Why a letter is not tried again. It is stored with the mail server's words, and the waiting
    page has a sentence for each value."""

    NO_SUCH_MAILBOX = "no_such_mailbox"
    NO_SUCH_DOMAIN = "no_such_domain"
    MAILBOX_FULL = "mailbox_full"
    OTHER = "other"
    """The mailbox does not accept mail for another reason."""
    GIVEN_UP = "given_up"
    """All tries over several days failed, without a clear reason."""
    NOT_SENT = "not_sent"
    """The problem is this mail or our server, not the recipient."""


class Trouble(StrEnum):
    """Why the queue is blocked. It is stored with the mail server's words, and readiness has a
    sentence for each value."""

    REFUSED = "refused"
    """The mail server refuses us: sender, client, HELO, relay, quota, policy."""
    ALIKE = "alike"
    """The mail server refuses recipients in unrelated domains with the same words."""
    SIGN_IN = "sign_in"
    CERTIFICATE = "certificate"
    ENCRYPTION = "encryption"
    UNREACHABLE = "unreachable"


class About(Enum):
    """Whom a refusal is about."""

    RECIPIENT = "recipient"
    """Permanent."""
    FULL_MAILBOX = "full mailbox"
    MESSAGE = "message"
    """Permanent: the mail is too large, or has a format that the server does not accept."""
    US = "us"
    """The mail server would refuse every letter."""
    NOBODY = "nobody"
    """Temporary, and nothing shows that it is about us."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What follows from a refusal."""

    about: About
    refusal: Refusal = Refusal.OTHER
    """What is stored if the letter is given up."""


_FULL = Meaning(About.FULL_MAILBOX, Refusal.MAILBOX_FULL)
_MESSAGE = Meaning(About.MESSAGE, Refusal.NOT_SENT)
_US = Meaning(About.US, Refusal.NOT_SENT)
_LATER = Meaning(About.NOBODY, Refusal.GIVEN_UP)

# The codes X.1.x about the recipient (RFC 3463, RFC 7505). X.1.7 and X.1.8 are about the sender.
_RECIPIENT = {
    1: Refusal.NO_SUCH_MAILBOX,
    2: Refusal.NO_SUCH_DOMAIN,
    3: Refusal.NO_SUCH_MAILBOX,
    6: Refusal.NO_SUCH_MAILBOX,
    10: Refusal.NO_SUCH_DOMAIN,
}
_WITHOUT_ENHANCED = {550, 551, 553}
_LASTING = 500  # RFC 5321 4.2.1: 4xx is temporary, 5xx is permanent

_AT_THE_START = re.compile(r"\s*#?([245])\.(\d{1,3})\.(\d{1,3})\b")
# qmail writes the code in brackets at the end: (#5.7.1). Four numbers are an IP address.
_ANYWHERE = re.compile(r"(?<![\w.])#?([245])\.(\d{1,3})\.(\d{1,3})(?![\w.]*\d)")

# Words in an address or a host name must not count: `client@relay.example.com`.
_ADDRESS, _HOST = re.compile(r"\S*@\S*"), re.compile(r"\w[\w-]*(\.[\w-]+)+")

# These words are about us with any code: Exchange sends "5.2.252 SendAsDenied".
_SURELY_US = re.compile(
    r"sender (address )?(was |is )?(rejected|refused|denied|unknown|invalid)"
    r"|(unknown|invalid|unverified) sender|not owned by user|send ?as ?denied"
    r"|(helo|ehlo) command rejected|client host (rejected|blocked)"
    r"|relay(ing)? (access )?(is )?(denied|not permitted|not allowed|prohibited)|unable to relay"
    r"|authentication (is )?required",
    re.IGNORECASE,
)
# These words are about us if there is no enhanced code.
_ABOUT_US = re.compile(
    r"\brelay|\bsender|\bauthenticat|\blog ?in\b|\bhelo\b|\behlo\b|\bclient\b|\brcpthosts\b"
    r"|\b(block|black|deny|dns)[ -]?list|\blisted\b|\bblocked\b|\bspam|\bpolic(y|ies)\b"
    r"|\bprohibit|\bnot (permitted|authori[sz]ed|verified)\b|\baccess denied\b|\bdenied by\b"
    r"|\byour (ip|host|server|domain|account)\b|\brdns\b|\bptr\b|\breverse dns\b"
    r"|\b(sending|daily|hourly) (quota|limit|rate)|\brate[- ]?limit|\bthrottl",
    re.IGNORECASE,
)
_ABOUT_A_FULL_MAILBOX = re.compile(
    r"\b(mail ?box|inbox|user|recipient)\b.*\b(full|quota|storage|space)\b"
    r"|\b(over|exceed\w*) (\w+ )?(quota|storage)\b|\bquota exceeded\b",
    re.IGNORECASE | re.DOTALL,
)
_ABOUT_SIZE = re.compile(r"\bsize\b|\btoo (big|large|long)\b", re.IGNORECASE)
# A greylisted letter is accepted at a later try, and other letters are not affected.
_GREYLISTING = re.compile(r"gr[ae]y[- ]?list", re.IGNORECASE)
_RECIPIENT_REJECTED = re.compile(r"recipient address rejected", re.IGNORECASE)


def judge(stage: Stage, code: int, text: str) -> Meaning:
    """What a refusal means.

    Args:
        stage: the command that was refused.
        code: the reply code.
        text: the lines of the reply without the code.
    """
    enhanced, words = _enhanced(text), _HOST.sub(" ", _ADDRESS.sub(" ", text))
    if code < _LASTING and _GREYLISTING.search(words):
        return _LATER
    if _SURELY_US.search(words):
        return _US
    meaning = _by_enhanced_code(code, enhanced, words) if enhanced else _by_code(stage, code, words)
    if stage is Stage.MAIL and meaning.about in {About.RECIPIENT, About.FULL_MAILBOX}:
        return _US  # at MAIL the server does not know the recipient yet
    return meaning


def judge_words(words: str) -> Refusal:
    """The kind of a refusal that an older version stored without a kind."""
    code, _, text = words.partition(" ")
    if not re.fullmatch(r"\d{3}", code):
        return Refusal.GIVEN_UP
    # The stage was not stored. Most refusals of a recipient come at RCPT.
    return judge(Stage.RCPT, int(code), text).refusal


def _enhanced(text: str) -> tuple[int, int] | None:
    """Subject and detail of the enhanced status code; None if there is no such code."""
    found = _AT_THE_START.match(text) or _ANYWHERE.search(text)
    return (int(found[2]), int(found[3])) if found else None


def _by_enhanced_code(code: int, enhanced: tuple[int, int], words: str) -> Meaning:
    subject, detail = enhanced
    lasting = code >= _LASTING
    if enhanced == (2, 2):
        return _FULL
    if enhanced in {(3, 4), (2, 3)} or subject == 6:
        return _MESSAGE if lasting else _LATER
    if subject == 2 or (subject == 1 and detail in _RECIPIENT):
        refusal = Refusal.OTHER if subject == 2 else _RECIPIENT[detail]
        return Meaning(About.RECIPIENT if lasting else About.NOBODY, refusal)
    # A temporary refusal is about us if it is about identity, the protocol or a policy.
    about_us = subject in {5, 7} or enhanced in {(1, 7), (1, 8)}
    return _US if lasting or (about_us and not _RECIPIENT_REJECTED.search(words)) else _LATER


def _by_code(stage: Stage, code: int, words: str) -> Meaning:
    if _ABOUT_US.search(words):
        return _US
    at_rcpt = stage is Stage.RCPT and code in _WITHOUT_ENHANCED
    # After the text of the mail, a permanent "quota exceeded" may be about our own quota.
    if _ABOUT_A_FULL_MAILBOX.search(words) and (code < _LASTING or code == 552 or at_rcpt):
        return _FULL
    if code < _LASTING:
        return _LATER
    if code == 552:
        return _MESSAGE if stage is not Stage.RCPT or _ABOUT_SIZE.search(words) else _FULL
    if at_rcpt:
        return Meaning(About.RECIPIENT, Refusal.NO_SUCH_MAILBOX)
    return _US


# Parts that differ between refusals with the same meaning: addresses, hosts, ids, numbers, times.
_NO_WORD = re.compile(r"\S*[@\d]\S*|\S+\.\S+|[^\w\s]+")
# Local parts that are also common in refusals. They are kept, because without them two refusals
# that are alike would differ.
_COMMON_WORDS = {"account", "address", "mail", "mailbox", "recipient", "unknown", "user"}


def alike(words: str, address: str) -> str:
    """The text of a refusal without the parts about one recipient. Two refusals with the same
    meaning give the same text.

    Args:
        words: the reply code and the text.
        address: the recipient's address.
    """
    code, local = re.match(r"\d{3}\b", words), address.partition("@")[0].lower()
    enhanced = _enhanced(words[3:]) if code else None
    text = _NO_WORD.sub(" ", words.lower()).split()
    kept = [word for word in text if word != local or word in _COMMON_WORDS]
    numbers = [code[0] if code else "", "{}.{}".format(*enhanced) if enhanced else ""]
    return " ".join([*filter(None, numbers), *kept])[:MAX_WORDS]


_BELOW_A_COUNTRY = {"ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "or", "org"}


def registered_domain(address: str) -> str:
    """`example.co.uk` for `ada@mail.example.co.uk`. Addresses with the same result are related."""
    labels = address.rpartition("@")[2].lower().split(".")
    long = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _BELOW_A_COUNTRY
    return ".".join(labels[-3 if long else -2 :])
