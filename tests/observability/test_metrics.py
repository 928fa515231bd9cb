"""`/metrics` shows correct numbers, only with the token, and no personal data."""

import re
from typing import Any

import pytest
from flask import Flask

import config
from app import create_app
from app.mongo import current_mongo
from app.observability import metrics
from tests.commands import commands
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.visitor import PASSWORD, Visitor
from tests.web.pages import assert_our_page

TOKEN = "a-token-of-the-tests"
ADA = "ada@example.com"


class Numbers:
    """The samples of `/metrics`, and their changes since the last call."""

    def __init__(self, app: Flask) -> None:
        self._visitor = Visitor(app)
        self._before: dict[str, float] = {}
        self.text = ""
        self.grown()

    def grown(self) -> dict[str, float]:
        """The differences of the samples that changed, by name and labels."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self.text = self._visitor.get("/metrics", headers=headers).text
        now = samples(self.text)
        changes = {
            name: value - self._before.get(name, 0)
            for name, value in now.items()
            if value != self._before.get(name, 0) and "_created" not in name
        }
        self._before = now
        return changes

    def events(self) -> dict[tuple[str, ...], float]:
        """The changes of the security events, by event, outcome and detail."""
        return {
            _key(name): value
            for name, value in self.grown().items()
            if name.startswith("latchkey_events_total")
        }


def _key(name: str) -> tuple[str, ...]:
    labels = dict(re.findall(r'(\w+)="([^"]*)"', name))
    return labels["event"], labels["outcome"], labels["detail"]


def samples(text: str) -> dict[str, float]:
    """All samples in a text of Prometheus."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app with a token for `/metrics`."""
    return make_app(METRICS_TOKEN=TOKEN, RESEND_COOLDOWN="0")


@pytest.fixture
def numbers(app: Flask) -> Numbers:
    """The numbers of the app."""
    return Numbers(app)


@pytest.mark.parametrize(
    "sent",
    ["", "Bearer", "Bearer ", "Bearer x", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ü"],
)
def test_without_the_right_token_metrics_is_a_404(app: Flask, sent: str) -> None:
    assert_our_page(Visitor(app).get("/metrics", headers={"Authorization": sent}), 404)


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer ", "Bearer None"])
def test_without_a_token_in_the_settings_metrics_is_a_404(make_app: MakeApp, sent: str) -> None:
    answer = Visitor(make_app()).get("/metrics", headers={"Authorization": sent})
    assert_our_page(answer, 404)


def test_the_right_token_opens_metrics(app: Flask) -> None:
    answer = Visitor(app).get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    assert answer.headers["Cache-Control"] == "no-store"


def test_requests_are_counted_and_timed_by_route_not_by_path(app: Flask, numbers: Numbers) -> None:
    visitor = Visitor(app)
    for path in ("/confirm/abc", "/confirm/def", "/no/such/page", "/wp-admin.php"):
        visitor.get(path)
    visitor.client.open("/login", method="JUNK")
    grown = numbers.grown()

    def requests(route: str, method: str, status: int) -> float:
        return grown.get(
            f'latchkey_requests_total{{method="{method}",route="{route}",status="{status}"}}', 0
        )

    assert requests("/confirm/<token>", "GET", 404) + requests("/confirm/<token>", "GET", 400) == 2
    assert requests("none", "GET", 404) == 2
    assert requests("none", "other", 405) == 1
    assert grown['latchkey_request_seconds_count{route="/confirm/<token>"}'] == 2
    assert "/no/such" not in numbers.text
    assert "JUNK" not in numbers.text


def test_each_event_of_a_journey_is_counted_once(
    app: Flask, mailbox: Mailbox, numbers: Numbers
) -> None:
    visitor = Visitor(app)
    visitor.register(ADA)
    visitor.submit("/resend", on="/unconfirmed")
    visitor.submit(mailbox.newest(ADA).link)
    Visitor(app).sign_in(ADA, "wrong")
    Visitor(app).sign_in(ADA)
    assert numbers.events() == {
        ("registered", "done", ""): 1,
        ("confirmation_resent", "done", ""): 1,
        ("letter_dropped", "done", "overtaken"): 1,
        ("letter_sent", "done", "confirm"): 1,
        ("confirmed", "done", ""): 1,
        ("sign_in_refused", "refused", ""): 1,
        ("signed_in", "done", ""): 1,
    }


def test_the_time_to_confirm_is_in_the_histogram(
    app: Flask, mailbox: Mailbox, numbers: Numbers
) -> None:
    visitor = Visitor(app)
    visitor.register(ADA)
    visitor.submit(mailbox.newest(ADA).link)
    grown = numbers.grown()
    assert grown["latchkey_confirm_seconds_count"] == 1
    for seconds in ("60.0", "300.0", "600.0", "1800.0", "3600.0", "21600.0", "86400.0", "604800.0"):
        assert grown[f'latchkey_confirm_seconds_bucket{{le="{seconds}"}}'] == 1


def test_the_numbers_of_the_mail_queue_come_from_one_command(
    make_app: MakeApp, real_uri: str, tmp_path: Any
) -> None:
    app = make_app(METRICS_TOKEN=TOKEN, MONGODB_URI=real_uri)
    numbers = Numbers(app)
    assert samples(numbers.text)["latchkey_letters_owed"] == 0
    for name in ("ada", "bob", "eve"):
        Visitor(app).register(f"{name}@example.com")
    with app.app_context():
        users = current_mongo().users
        for email, change in {
            "bob@example.com": {"outbox.0.due_on": None},
            "eve@example.com": {"outbox.0.blocked": True},
        }.items():
            users.update_one({"email": email}, {"$set": change})
    with commands.recorded() as sent:
        grown = numbers.grown()
    assert [next(iter(command)) for command in sent] == ["aggregate"], (
        "one command, which loads no account"
    )
    assert (grown["latchkey_letters_owed"], grown["latchkey_letters_due"]) == (2, 2)
    assert grown["latchkey_letters_blocked"] == 1
    assert 0 < grown["latchkey_letters_overdue_seconds"] < 60
    assert 0 < grown["latchkey_letters_oldest_seconds"] < 60
    assert samples(numbers.text)["latchkey_mongodb_up"] == 1


def test_without_mongodb_the_other_numbers_are_shown() -> None:
    uri = "mongodb://127.0.0.1:1/latchkey?timeoutMS=200"
    settings = {"APP_SETTINGS": "config.TestingConfig", "METRICS_TOKEN": TOKEN, "MONGODB_URI": uri}
    found = samples(Numbers(create_app(config.load(settings))).text)
    assert found["latchkey_mongodb_up"] == 0
    assert "latchkey_letters_owed" not in found
    assert found["latchkey_confirm_seconds_count"] >= 0


def test_the_seconds_of_a_hash_are_in_the_histogram(numbers: Numbers) -> None:
    metrics.observe_hash(0.21)
    assert numbers.grown()["latchkey_hash_seconds_count"] == 1


def test_the_numbers_have_no_personal_data(app: Flask, mailbox: Mailbox, numbers: Numbers) -> None:
    visitor = Visitor(app)
    visitor.client.environ_base["HTTP_USER_AGENT"] = "Marked/1.0"
    visitor.register(ADA)
    link = mailbox.newest(ADA).link
    visitor.submit(link)
    visitor.sign_out()
    visitor.sign_in(ADA)
    numbers.grown()
    ids = visitor.cookie()["_user_id"].split(".")
    for secret in (
        ADA,
        "ada",
        PASSWORD,
        link.rpartition("/")[2],
        *ids,
        "127.0.0.1",
        "Marked",
        TOKEN,
    ):
        assert secret not in numbers.text
