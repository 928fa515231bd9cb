"""The meaning of replies of mail servers. The replies of Postfix are real ones of version 3.7."""

import pytest

from app.users.refusals import (
    About,
    Refusal,
    Stage,
    alike,
    judge,
    judge_words,
    registered_domain,
)

MAIL, RCPT, DATA = Stage.MAIL, Stage.RCPT, Stage.DATA
NO_MAILBOX, NO_DOMAIN = Refusal.NO_SUCH_MAILBOX, Refusal.NO_SUCH_DOMAIN

RECIPIENT = [
    # Postfix
    (
        RCPT,
        "550 5.1.1 <x@example.com>: Recipient address rejected:"
        " User unknown in local recipient table",
        NO_MAILBOX,
    ),
    (RCPT, "550 5.1.2 <x@y.invalid>: Recipient address rejected: Domain not found", NO_DOMAIN),
    (
        RCPT,
        "556 5.1.10 <x@y.test>: Recipient address rejected: y.test has a null MX",
        NO_DOMAIN,
    ),
    (
        RCPT,
        "550 5.1.1 <x@example.com>: Recipient address rejected:"
        " User unknown in relay recipient table",
        NO_MAILBOX,
    ),
    # Gmail, sendmail, Exim, qmail, RFC 5321
    (
        DATA,
        "550 5.1.1 The email account that you tried to reach does not exist. Please try\n"
        "5.1.1 double-checking the recipient's email address for typos or\n"
        "5.1.1 unnecessary spaces. - gsmtp",
        NO_MAILBOX,
    ),
    (RCPT, "550 5.1.1 <x@example.com>... User unknown", NO_MAILBOX),
    (RCPT, "550 Unrouteable address", NO_MAILBOX),
    (RCPT, "550 sorry, no mailbox here by that name (#5.1.1)", NO_MAILBOX),
    (RCPT, "550 Requested action not taken: mailbox unavailable", NO_MAILBOX),
    (RCPT, "551 User not local; please try <x@example.org>", NO_MAILBOX),
    (RCPT, "553 Requested action not taken: mailbox name not allowed", NO_MAILBOX),
    # The words in addresses and host names do not count.
    (RCPT, "550 <spam.blocked@client.example>: no such user", NO_MAILBOX),
    (RCPT, "550 host relay.sender.example said: no such user", NO_MAILBOX),
    (RCPT, "550 5.1.1 <sender.unknown@example.com>... User unknown", NO_MAILBOX),
    # Decided by the number
    (RCPT, "553 5.1.3 bad syntax", NO_MAILBOX),
    (RCPT, "551 5.1.6 has moved", NO_MAILBOX),
    (DATA, "554 5.2.1 disabled", Refusal.OTHER),
    (RCPT, "550 5.2.0 delivery failed", Refusal.OTHER),
    (RCPT, "550 5.2.4 the list cannot be expanded", Refusal.OTHER),
]

FULL = [
    (RCPT, "552 5.2.2 over quota"),
    (DATA, "552 5.2.2 <x@example.com>: user is over quota"),
    (RCPT, "452 4.2.2 The email account that you tried to reach is over quota."),
    (RCPT, "552 Requested mail action aborted: exceeded storage allocation"),
    (RCPT, "552 mailbox is full"),
    (RCPT, "452 mailbox full, try again later"),
    (RCPT, "550 mailbox full"),
    (DATA, "552 Quota exceeded"),
    (RCPT, "422 The recipient's mailbox is over its storage quota"),
]

MESSAGE = [
    (MAIL, "552 5.3.4 Message size exceeds fixed limit"),
    (DATA, "552 5.3.4 Error: message file too big"),
    (MAIL, "552 message size exceeds fixed maximum message size"),
    (DATA, "552 Message size exceeds maximum permitted"),
    (DATA, "550 5.2.3 message length exceeds an administrative limit"),
    (DATA, "554 5.6.0 content error"),
]

US = [
    # Postfix reports all of these at RCPT by default
    (RCPT, "553 5.7.1 <r@example.net>: Sender address rejected: not owned by user r"),
    (RCPT, "554 5.7.1 <bad@example.net>: Sender address rejected: Access denied"),
    (RCPT, "550 5.1.0 <r@example.net>: Sender address rejected: User unknown in local table"),
    (RCPT, "504 5.5.2 <myhost>: Helo command rejected: need fully-qualified hostname"),
    (RCPT, "450 4.7.1 <myhost>: Helo command rejected: Host not found"),
    (RCPT, "450 4.1.8 <r@example.net>: Sender address rejected: Domain not found"),
    (RCPT, "554 5.7.1 <x@gmail.com>: Relay access denied"),
    (RCPT, "454 4.7.1 <x@gmail.com>: Relay access denied"),
    (RCPT, "530 5.7.0 Authentication required"),
    (RCPT, "530 5.7.0 Must issue a STARTTLS command first"),
    (RCPT, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"),
    (RCPT, "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]"),
    (RCPT, "550 5.7.1 Client host blocked"),
    (RCPT, "554 5.7.1 <x@example.com>: Recipient address rejected: Access denied"),
    # Exchange Online
    (RCPT, "550 5.7.1 Unable to relay"),
    (RCPT, "550 5.7.64 TenantAttribution; Relay Access Denied"),
    (DATA, "554 5.2.252 SendAsDenied; r@example.net not allowed to send as s@example.net"),
    # The recipient or our domain is unknown; the text does not say which.
    (RCPT, "550 5.4.1 Recipient address rejected: Access denied"),
    (DATA, "451 4.7.500 Server busy. Please try again later"),
    # Gmail, Amazon SES and the like, after the text
    (DATA, "550 5.7.26 This mail has been blocked because the sender is unauthenticated."),
    (DATA, "550 5.4.5 Daily user sending limit exceeded."),
    (DATA, "550 5.4.5 Daily sending quota exceeded"),
    (DATA, "554 Message rejected: Email address is not verified."),
    (DATA, "454 Throttling failure: Daily sending quota exceeded."),
    (DATA, "454 Throttling failure: Maximum sending rate exceeded."),
    (DATA, "550 quota exceeded"),
    (DATA, "554 Message rejected as spam"),
    (DATA, "550 no such user"),
    (RCPT, "421 4.7.0 [192.0.2.1] Our system has detected an unusual rate of mail"),
    # Without an enhanced code, decided by the words
    (RCPT, "550 relay not permitted"),
    (RCPT, "550 Relaying denied"),
    (RCPT, "553 Relaying disallowed as r@example.net"),
    (RCPT, "550 Sender verify failed"),
    (RCPT, "550 authentication required"),
    (RCPT, "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
    (RCPT, "553 sorry, that domain isn't in my list of allowed rcpthosts"),
    (RCPT, "550 Your IP is listed in a block list"),
    (RCPT, "550 [192.168.5.1] Access denied by DNSBL"),
    # MAIL comes before any recipient
    (MAIL, "550 5.1.1 <r@example.net> unknown"),
    (MAIL, "552 5.2.2 over quota"),
    (MAIL, "553 unknown sender"),
    (MAIL, "550 no"),
    # Other codes
    (RCPT, "554 Transaction failed"),
    (RCPT, "503 bad sequence of commands"),
    (RCPT, "550 5.0.0 no"),
    (RCPT, "550 5.3.0 no"),
    (RCPT, "550 5.1.7 no"),
]

LATER = [
    (RCPT, "450 4.2.0 <x@example.com>: Recipient address rejected: Greylisted", Refusal.GIVEN_UP),
    (RCPT, "451 4.7.1 Greylisting in action, please come back later", Refusal.GIVEN_UP),
    (RCPT, "450 4.7.1 <x@example.com>: Recipient address rejected: try later", Refusal.GIVEN_UP),
    (RCPT, "450 greylisted", Refusal.GIVEN_UP),
    (RCPT, "450 4.1.1 <x@example.com>: Recipient address rejected: unverified", NO_MAILBOX),
    (RCPT, "450 4.1.2 <x@y.invalid>: Recipient address rejected: Domain not found", NO_DOMAIN),
    (RCPT, "450 4.2.1 receives mail at a rate that prevents more", Refusal.OTHER),
    (DATA, "451 4.3.0 Error: queue file write error", Refusal.GIVEN_UP),
    (DATA, "452 4.3.1 Insufficient system storage", Refusal.GIVEN_UP),
    (RCPT, "452 Requested action not taken: insufficient system storage", Refusal.GIVEN_UP),
    (MAIL, "451 busy", Refusal.GIVEN_UP),
    (RCPT, "421 closing", Refusal.GIVEN_UP),
    (RCPT, "450 mailbox busy", Refusal.GIVEN_UP),
    (DATA, "-1 ", Refusal.GIVEN_UP),
]


def _parts(words: str) -> tuple[int, str]:
    code, _, text = words.partition(" ")
    return int(code), text


@pytest.mark.parametrize(("stage", "words", "refusal"), RECIPIENT)
def test_a_permanent_refusal_about_the_recipient_is_recognised(
    stage: Stage, words: str, refusal: Refusal
) -> None:
    meaning = judge(stage, *_parts(words))
    assert (meaning.about, meaning.refusal) == (About.RECIPIENT, refusal)


@pytest.mark.parametrize(("stage", "words"), FULL)
def test_a_full_mailbox_is_recognised(stage: Stage, words: str) -> None:
    assert judge(stage, *_parts(words)).about is About.FULL_MAILBOX


@pytest.mark.parametrize(("stage", "words"), MESSAGE)
def test_a_refusal_about_this_mail_is_recognised(stage: Stage, words: str) -> None:
    assert judge(stage, *_parts(words)).about is About.MESSAGE


@pytest.mark.parametrize(("stage", "words"), US)
def test_a_refusal_about_us_is_recognised(stage: Stage, words: str) -> None:
    assert judge(stage, *_parts(words)).about is About.US


@pytest.mark.parametrize(("stage", "words", "refusal"), LATER)
def test_a_temporary_refusal_has_a_kind_for_giving_up(
    stage: Stage, words: str, refusal: Refusal
) -> None:
    meaning = judge(stage, *_parts(words))
    assert (meaning.about, meaning.refusal) == (About.NOBODY, refusal)


@pytest.mark.parametrize("subject", range(8))
@pytest.mark.parametrize("detail", range(12))
@pytest.mark.parametrize("stage", [RCPT, DATA])
def test_only_these_enhanced_codes_give_a_letter_up(
    stage: Stage, subject: int, detail: int
) -> None:
    meaning = judge(stage, 550, f"5.{subject}.{detail} no")
    recipient = {(1, 1), (1, 2), (1, 3), (1, 6), (1, 10)}
    recipient |= {(2, other) for other in range(12) if other not in {2, 3}}
    assert (meaning.about is About.RECIPIENT) == ((subject, detail) in recipient)


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("550 5.1.1 There is no such mailbox here", NO_MAILBOX),
        ("550 no such user", NO_MAILBOX),
        ("554 5.7.1 <x@gmail.com>: Relay access denied", Refusal.NOT_SENT),
        ("552 5.3.4 Error: message file too big", Refusal.NOT_SENT),
        ("552 5.2.2 over quota", Refusal.MAILBOX_FULL),
        ("450 mailbox busy", Refusal.GIVEN_UP),
        ("Connection unexpectedly closed", Refusal.GIVEN_UP),
    ],
)
def test_words_that_an_older_version_stored_are_judged_when_read(
    words: str, refusal: Refusal
) -> None:
    assert judge_words(words) is refusal


def test_two_refusals_that_differ_only_in_the_recipient_are_alike() -> None:
    said = "550 5.1.1 {0}: Recipient address rejected: no {1} at host mx{2}.{3} id=A{2}F"
    ada = said.format("<ada@one.example>", "ada", 1, "one.example")
    bob = said.format("<bob@two.example>", "bob", 2, "two.example")
    assert alike(ada, "ada@one.example") == alike(bob, "bob@two.example")
    assert alike(ada, "ada@one.example").startswith("550 1.1 recipient address rejected")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("550 5.1.1 no such user", "550 5.2.1 no such user"),
        ("550 no such user", "553 no such user"),
        ("550 5.1.1 no such user", "550 5.1.1 no such domain"),
    ],
)
def test_other_codes_and_other_words_are_not_alike(one: str, other: str) -> None:
    assert alike(one, "ada@one.example") != alike(other, "bob@two.example")


def test_a_local_part_that_is_common_in_refusals_is_kept() -> None:
    said = "550 5.1.1 user unknown"
    assert alike(said, "user@one.example") == alike(said, "ada@two.example")


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("ada@example.com", "example.com"),
        ("ada@mail.example.com", "example.com"),
        ("ada@mail.example.co.uk", "example.co.uk"),
        ("ada@a.abc.de", "abc.de"),
        ("ada@localhost", "localhost"),
    ],
)
def test_the_registered_domain_of_an_address(address: str, domain: str) -> None:
    assert registered_domain(address) == domain
