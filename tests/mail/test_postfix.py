"""The answers of a real Postfix, which reports errors of the sender and of HELO at RCPT."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.mail import contents
from tests.mail.conftest import Delivery, MakeDelivery
from tests.mail.postfix import Postfix
from tests.visitor import alert

ADA, STRANGER = "ada@example.com", "nobody@example.com"


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    """One Postfix for all tests of this file."""
    # Not `tmp_path`, because the user that Postfix runs as cannot read it.
    with tempfile.TemporaryDirectory(prefix="postfix-") as folder:
        server = Postfix(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def make_relayed(make_delivery: MakeDelivery, postfix: Postfix) -> MakeDelivery:
    """Makes an app whose mail goes to Postfix."""

    def make(**variables: str) -> Delivery:
        public = {"PUBLIC_URL": "https://app.example.org"}
        return make_delivery(**(public | variables | {"APP_MAIL_PORT": str(postfix.port)}))

    return make


def test_postfix_accepts_a_mail(make_relayed: MakeDelivery) -> None:
    delivery = make_relayed()
    visitor = delivery.register(ADA)
    assert delivery.worker.run_once() is False
    assert delivery.letters() == []
    assert "was sent" in alert(visitor.get("/unconfirmed"), "info")


def test_an_unknown_recipient_is_refused_permanently(make_relayed: MakeDelivery) -> None:
    delivery = make_relayed()
    visitor = delivery.register(STRANGER)
    assert delivery.worker.run_once() is False
    (letter,) = delivery.letters()
    assert letter["trouble"].startswith(
        "550 5.1.1 <nobody@example.com>: Recipient address rejected"
    )
    assert letter["refusal"] == "no_such_mailbox"
    assert alert(visitor.get("/unconfirmed"), "danger") == (
        "There is no such mailbox at example.com."
    )
    assert delivery.ready()["blocked"] is None


@pytest.mark.parametrize(
    ("recipient", "settings", "words"),
    [
        # By default Postfix refuses to relay only temporarily (smtpd_relay_restrictions).
        ("ada@gmail.com", {}, "454 4.7.1 <ada@gmail.com>: Relay access denied"),
        (
            ADA,
            {"APP_MAIL_DEFAULT_SENDER": "stranger@example.org"},
            "554 5.7.1 <stranger@example.org>: Sender address rejected: Access denied",
        ),
        (
            ADA,
            {"APP_MAIL_DEFAULT_SENDER": "root@localhost", "PUBLIC_URL": "http://intranet"},
            "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname",
        ),
    ],
    ids=["relay", "sender", "HELO"],
)
def test_a_refusal_about_us_at_rcpt_blocks_the_queue(
    make_relayed: MakeDelivery, recipient: str, settings: dict[str, str], words: str
) -> None:
    delivery = make_relayed(**settings)
    visitor = delivery.register(recipient)
    assert delivery.worker.run_once() is True
    (letter,) = delivery.letters()
    assert (letter["trouble"], letter["attempts"]) == (words, 0)
    assert f"({words[:3]})" in delivery.ready()["blocked"]
    assert "on its way" in alert(visitor.get("/unconfirmed"), "info")


def test_a_mail_over_the_size_limit_is_refused_and_does_not_block_the_queue(
    make_relayed: MakeDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    label, write = contents.KINDS["confirm"].label, contents.KINDS["confirm"].content
    large = contents.MailKind(label, lambda leased: write(leased) | {"app_name": "x" * 100_000})
    delivery = make_relayed()
    visitor = delivery.register(ADA)
    monkeypatch.setitem(contents.KINDS, "confirm", large)
    assert delivery.worker.run_once() is False
    assert delivery.letters()[0]["trouble"] == "552 5.3.4 Message size exceeds fixed limit"
    assert "not your address" in visitor.get("/unconfirmed").text
    assert delivery.ready()["blocked"] is None


def test_26_unknown_recipients_do_not_delay_a_good_letter(make_relayed: MakeDelivery) -> None:
    """Over one connection this took 38 s, because Postfix slows a client down after some errors."""
    delivery = make_relayed()
    delivery.register(*(f"stranger{number}@example.com" for number in range(26)), ADA)
    start = time.monotonic()
    assert delivery.worker.run_once() is False
    assert time.monotonic() - start < 10
    assert len(delivery.letters()) == 26
