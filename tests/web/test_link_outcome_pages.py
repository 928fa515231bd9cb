"""Links that cannot be used lead to a page that says why, never to an error."""

from collections.abc import Callable

import pytest
import time_machine
from flask import Flask

from app.flows.opened_link import LinkRefused, open_link
from app.mongo import users
from app.security.signing import link_signer
from app.users.client import Client
from app.users.clock import utcnow
from app.users.link_outcomes import LinkOutcome
from app.users.links import Purpose
from app.users.user import User
from app.web.link_outcome_pages import link_outcome_page
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor
from tests.web.links import PATHS, live_tokens
from tests.web.pages import assert_our_page, documents

ADA = "ada@example.com"


@pytest.fixture
def link(visitor: Visitor, mailbox: Mailbox) -> str:
    """The mailed confirmation link of the visitor, who is Ada."""
    visitor.register(ADA)
    return mailbox.newest(ADA).link


def _flipped(link: str, place: int, bit: int) -> str:
    characters = list(link)
    characters[place] = chr(ord(characters[place]) ^ bit)
    return "".join(characters)


_DAMAGE: dict[str, Callable[[str], str]] = {
    "cut in half": lambda link: link[: len(link) // 2],
    "without its last character": lambda link: link[:-1],
    "without its first character": lambda link: link[:9] + link[10:],
    "without its signature": lambda link: link.rpartition(".")[0],
    "without its time": lambda link: ".".join(link.split(".")[::2]),
    "twice": lambda link: link + link.removeprefix("/confirm/"),
    "with a NUL": lambda link: link + "%00",
    "NUL alone": lambda link: "/confirm/%00",
    "with a line break": lambda link: link + "%0d%0aX: y",
    "not UTF-8": lambda link: "/confirm/%ff%fe",
    "not ASCII": lambda link: "/confirm/ключ.ключ.ключ",
    "dots": lambda link: "/confirm/...",
    "compressed nonsense": lambda link: "/confirm/.eJw.aaaa.bbbb",
    "100 kB": lambda link: link + "a" * 100_000,
    "100 kB of dots": lambda link: "/confirm/a" + "." * 100_000,
    "empty": lambda link: "/confirm/",
}


@pytest.mark.parametrize("damage", _DAMAGE.values(), ids=_DAMAGE)
def test_a_damaged_link_is_a_page_on_get_and_post(
    app: Flask,
    visitor: Visitor,
    new_visitor: Callable[[], Visitor],
    link: str,
    damage: Callable[[str], str],
) -> None:
    before, path = documents(app), damage(link)
    for person in (visitor, new_visitor()):
        assert_our_page(person.get(path), 404)
        if path != "/confirm/":
            assert_our_page(person.forge(path, {"password": PASSWORD}), 404)
            assert_our_page(person.forge(f"{path}/disown"), 404)
    assert documents(app) == before


def test_a_link_with_any_character_changed_is_damaged(visitor: Visitor, link: str) -> None:
    start = len("/confirm/")
    for place in range(start, len(link)):
        for bit in (0x01, 0x04, 0x10):
            path = _flipped(link, place, bit)
            if path[place] not in "/?#%":
                assert visitor.get(path).status_code == 404, path


@pytest.mark.parametrize(
    "setting", [{"SECRET_KEY": "k" * 40}, {"SECURITY_PASSWORD_SALT": "s" * 40}]
)
def test_a_link_from_another_installation_is_damaged(
    make_app: MakeApp, visitor: Visitor, link: str, setting: dict[str, str]
) -> None:
    user: User = _owner(visitor)
    with make_app(**setting).app_context():
        foreign = link_signer().mint(Purpose.CONFIRM, user.id, user.email_key, user.token_version)
    assert_our_page(visitor.get(f"/confirm/{foreign}"), 404)


def test_a_link_signed_with_a_former_key_works(make_app: MakeApp) -> None:
    app = make_app(SECRET_KEY="n" * 40, SECRET_KEY_FALLBACKS=f"{'o' * 40}, {'f' * 40}")
    visitor = Visitor(app)
    visitor.register(ADA)
    user = _owner(visitor)
    for key in ("o" * 40, "f" * 40):
        with make_app(SECRET_KEY=key).app_context():
            token = link_signer().mint(Purpose.CONFIRM, user.id, user.email_key, 1)
        assert visitor.get(f"/confirm/{token}").status_code == 200


@pytest.mark.parametrize(("ahead", "status"), [(59, 200), (60, 200), (62, 404), (86400, 404)])
def test_a_link_from_a_clock_up_to_a_minute_ahead_works(
    visitor: Visitor, mailbox: Mailbox, ahead: int, status: int
) -> None:
    with time_machine.travel("2026-11-24 14:00:00Z", tick=False) as clock:
        visitor.register(ADA)
        clock.shift(ahead)
        link = mailbox.newest(ADA).link
        clock.shift(-ahead)
        assert visitor.get(link).status_code == status


def test_an_expired_link_is_refused_on_post(
    app: Flask, visitor: Visitor, new_visitor: Callable[[], Visitor], mailbox: Mailbox
) -> None:
    with time_machine.travel("2026-11-24 14:00:00Z", tick=False) as clock:
        visitor.register(ADA)
        link = mailbox.newest(ADA).link
        clock.shift(3601)
        visitor.get("/")  # the first visit after a while updates the session
        before = documents(app)
        assert_our_page(visitor.forge(link), 410)
        assert_our_page(new_visitor().forge(link, {"password": PASSWORD}), 410)
        assert_our_page(new_visitor().forge(f"{link}/disown"), 410)
        assert documents(app) == before


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_works_only_on_the_route_of_its_purpose(
    app: Flask, visitor: Visitor, confirmed: Visitor, purpose: Purpose
) -> None:
    """Tries the link of each purpose on the route of each other one."""
    assert set(PATHS) == set(Purpose)
    token, before = live_tokens(app)[purpose], documents(app)
    everything = {"password": PASSWORD, "confirm": PASSWORD}
    for other, path in PATHS.items():
        if path == PATHS[purpose]:
            assert visitor.get(path + token).status_code == 200
            continue
        for person in (visitor, confirmed):
            assert_our_page(person.get(path + token), 404)
            assert_our_page(person.forge(path + token, everything), 404)
        if other is Purpose.CONFIRM:
            assert_our_page(visitor.forge(f"{path}{token}/disown"), 404)
    assert documents(app) == before


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("damage", ["x", "x" * 100_000, "%00", "%ff%fe", "...", ".eJw.aaaa.bbbb"])
def test_a_damaged_link_of_any_kind_is_a_404(
    app: Flask, visitor: Visitor, purpose: Purpose, damage: str
) -> None:
    token = live_tokens(app)[purpose]
    for spoilt in (damage, token + damage, token[:-1]):
        assert_our_page(visitor.get(PATHS[purpose] + spoilt), 404)
        assert_our_page(visitor.forge(PATHS[purpose] + spoilt, {"password": PASSWORD}), 404)


def test_the_links_of_a_deleted_account_say_that_it_is_gone(app: Flask, visitor: Visitor) -> None:
    tokens = live_tokens(app)
    with app.app_context():
        for email in ("frank@new.example", "grace@example.com", "henry@example.com"):
            found = users.find_by_email(email)
            assert found
            assert users.delete(found, utcnow(), Client())
    before = documents(app)
    for purpose in set(Purpose) - {Purpose.CONFIRM}:
        link = PATHS[purpose] + tokens[purpose]
        assert_our_page(visitor.get(link), 410)
        page = visitor.forge(link, {"password": PASSWORD, "confirm": PASSWORD})
        assert_our_page(page, 410)
        assert "gone" in page.text
    assert documents(app) == before


@pytest.mark.parametrize("outcome", LinkOutcome)
@pytest.mark.parametrize("purpose", Purpose)
def test_every_outcome_of_every_link_has_a_page(
    app: Flask, purpose: Purpose, outcome: LinkOutcome
) -> None:
    """A valid link, too: its step is refused when the account changes between read and write."""
    with app.test_request_context(PATHS[purpose] + "token"):
        page = app.make_response(
            link_outcome_page(LinkRefused(outcome, open_link(purpose, "token", None)))
        )
    assert (page.status_code == 200) is (outcome is LinkOutcome.ALREADY_DONE)
    assert "<h1" in page.get_data(as_text=True)
    assert "alert" in page.get_data(as_text=True)


_SECONDS = {
    Purpose.CONFIRM: 3600,
    Purpose.RESET: 3600,
    Purpose.EMAIL_CHANGE: 3600,
    Purpose.EMAIL_UNDO: 604800,
    Purpose.FACTOR_RESET_START: 3600,
    Purpose.FACTOR_RESET_FINISH: 604800,
    Purpose.FACTOR_KEEP: 259200,
}


@pytest.mark.parametrize("purpose", Purpose)
def test_every_kind_of_link_expires_after_its_lifetime(
    app: Flask, visitor: Visitor, purpose: Purpose
) -> None:
    with time_machine.travel("2026-11-24 14:00:00Z", tick=False) as clock:
        link = PATHS[purpose] + live_tokens(app)[purpose]
        clock.shift(_SECONDS[purpose])
        assert visitor.get(link).status_code == 200
        clock.shift(1)
        before = documents(app)
        assert_our_page(visitor.get(link), 410)
        assert_our_page(visitor.forge(link, {"password": PASSWORD, "confirm": PASSWORD}), 410)
        assert documents(app) == before


def _owner(visitor: Visitor) -> User:
    with visitor.app.app_context():
        user = users.find_by_email(ADA)
        assert user is not None
        return user
