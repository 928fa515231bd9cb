"""Changes of address that race each other on a real mongod: a link mailed to one address must never
prove another."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.mail.worker import Worker
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.parallel import in_parallel
from tests.visitor import PASSWORD, Visitor
from tests.web.pages import documents

EVE, EVES_OTHER = "eve@evil.example", "eve2@evil.example"
VICTIM = "victim@example.com"
ROUNDS = 5


@pytest.fixture
def real(make_app: MakeApp, real_uri: str) -> Flask:
    """The app on a real mongod; mails are not what is counted here."""
    return make_app(MONGODB_URI=real_uri, RATELIMIT_ENABLED="false")


@pytest.fixture
def mailbox(real: Flask) -> Mailbox:
    """What is delivered from there."""
    return Mailbox(Worker(real), Path(real.config["MAIL_FOLDER"]))


@pytest.fixture
def eve(real: Flask, mailbox: Mailbox) -> Visitor:
    """The attacker, with an account and a second mailbox."""
    visitor = Visitor(real)
    visitor.register(EVE)
    visitor.submit(mailbox.newest(EVE).link)
    return visitor


def _asking(eve: Visitor, email: str) -> Callable[[], TestResponse]:
    tab = eve.copy()
    form = tab.fill("/profile/email", email=email, current_password=PASSWORD)
    return lambda: tab.client.post("/profile/email", data=form)


def _address(app: Flask) -> str:
    (account,) = documents(app)
    return str(account["email_key"])


def _links(mailbox: Mailbox, to: str) -> list[str]:
    mails = [mail for mail in mailbox.all() if mail.to == to and "/email/confirm/" in mail.text]
    return [mail.link for mail in mails]


def test_parallel_changes_never_give_the_victims_address(
    real: Flask, eve: Visitor, mailbox: Mailbox
) -> None:
    """Devise CVE-2026-32700 as it was published: the attacker's own address is pending already, and
    is asked for again at the same moment as the victim's."""
    for _ in range(ROUNDS):
        eve.submit("/profile/email", email=EVES_OTHER, current_password=PASSWORD)
        assert _links(mailbox, EVES_OTHER), "delivered, before another change overtakes it"
        answers = in_parallel(_asking(eve, EVES_OTHER), _asking(eve, VICTIM))
        assert {answer.status_code for answer in answers} <= {302, 422}
        # A link that worked has made the address the attacker's other, which is no harm.
        for link in _links(mailbox, EVES_OTHER):
            eve.forge(link)
            assert _address(real) in {EVE, EVES_OTHER}
        if _address(real) == EVES_OTHER:
            eve.submit("/profile/email", email=EVE, current_password=PASSWORD)
            eve.submit(_links(mailbox, EVE)[-1])
        assert _address(real) == EVE


def test_a_link_used_during_another_change_confirms_only_its_own_address(
    real: Flask, eve: Visitor, mailbox: Mailbox
) -> None:
    """The same hole from the other end: the link is posted as the pending address changes."""
    for _ in range(ROUNDS):
        eve.submit("/profile/email", email=EVES_OTHER, current_password=PASSWORD)
        link = _links(mailbox, EVES_OTHER)[-1]
        tab = eve.copy()
        form = tab.fill(link)
        asking = _asking(eve, VICTIM)
        opened, _asked = in_parallel(lambda: tab.client.post(link, data=form), asking)  # noqa: B023
        assert opened.status_code in {302, 409, 410}
        assert _address(real) == (EVES_OTHER if opened.status_code == 302 else EVE)
        if opened.status_code == 302:
            eve.submit("/profile/email", email=EVE, current_password=PASSWORD)
            eve.submit(_links(mailbox, EVE)[-1])
        assert _address(real) == EVE


def test_a_pending_address_cannot_sign_in_reset_or_block_a_registration(
    real: Flask, eve: Visitor, mailbox: Mailbox
) -> None:
    """django-allauth: an address that is not proven signed in, got the resets, and
    kept its owner from registering."""
    eve.submit("/profile/email", email=VICTIM, current_password=PASSWORD)
    stranger, victim = Visitor(real), Visitor(real)
    assert stranger.sign_in(VICTIM, PASSWORD).status_code == 422
    stranger.submit("/forgot", email=VICTIM)
    assert not [s for s in mailbox.subjects(VICTIM) if "password" in s.lower()]
    pending = _links(mailbox, VICTIM)[-1]
    victim.register(VICTIM, "a fine long phrase of hers")
    victim.submit(mailbox.newest(VICTIM, "confirm").link)
    assert victim.get("/profile").status_code == 200
    assert eve.forge(pending).status_code in {409, 410}
    assert sorted(str(d["email_key"]) for d in documents(real)) == [EVE, VICTIM]
