"""Parallel changes of address on a real mongod: a link mailed to one address must never confirm
another one."""

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
    """The app on a real mongod, without limits."""
    return make_app(MONGODB_URI=real_uri, RATELIMIT_ENABLED="false")


@pytest.fixture
def mailbox(real: Flask) -> Mailbox:
    """The mails of that app."""
    return Mailbox(Worker(real), Path(real.config["MAIL_FOLDER"]))


@pytest.fixture
def eve(real: Flask, mailbox: Mailbox) -> Visitor:
    """The attacker, with an account and a second mailbox."""
    visitor = Visitor(real)
    visitor.register(EVE)
    visitor.submit(mailbox.newest(EVE).link)
    return visitor


def _request_change(eve: Visitor, email: str) -> Callable[[], TestResponse]:
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
    """Devise CVE-2026-32700 as published: the attacker's address is already pending. The attacker
    requests it again at the same moment as the victim's address."""
    for _ in range(ROUNDS):
        eve.submit("/profile/email", email=EVES_OTHER, current_password=PASSWORD)
        assert _links(mailbox, EVES_OTHER), "the mail is sent before another change supersedes it"
        answers = in_parallel(_request_change(eve, EVES_OTHER), _request_change(eve, VICTIM))
        assert {answer.status_code for answer in answers} <= {302, 422}
        # A link that worked has set the attacker's other address, which does no harm.
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
    """The same hole: the link is posted while the pending address changes."""
    for _ in range(ROUNDS):
        eve.submit("/profile/email", email=EVES_OTHER, current_password=PASSWORD)
        link = _links(mailbox, EVES_OTHER)[-1]
        tab = eve.copy()
        form = tab.fill(link)
        asking = _request_change(eve, VICTIM)
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
    """django-allauth: an unconfirmed address could sign in, got reset mails, and prevented its
    owner from registering."""
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
