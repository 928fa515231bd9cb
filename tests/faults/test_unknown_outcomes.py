"""A write takes effect and its answer is lost: the page is a 503, and repeating the form is safe.

"timeout": MongoDB reports that the majority has not confirmed the write in time. "cut": the
connection breaks before the answer. Then the test sends the same form again, as a reload does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database
from werkzeug.test import TestResponse

from app.mail.worker import Worker
from app.mongo import connect
from app.users import indexes
from scripts.mongod import Mongod
from tests.faults.conftest import Users, app_like
from tests.faults.real_processes import Person, Web
from tests.faults.tcp_relay import TcpRelay
from tests.mailbox import Mailbox
from tests.processes import wait_until
from tests.visitor import PASSWORD, alert

NEW = "a quite different phrase"
_numbers = count()


def wire(command: str) -> bytes:
    """The start of a command in BSON: a string with that name."""
    return b"\x02" + command.encode() + b"\x00"


@dataclass(frozen=True)
class UnreliableSite:
    """A web process that can lose answers of MongoDB."""

    web: Web
    relay: TcpRelay
    database: Database[dict[str, Any]]
    mailbox: Mailbox
    how: str = "timeout"

    @property
    def users(self) -> Users:
        """The accounts, read directly and not through the relay."""
        return self.database["users"]

    def lose_answer_to(self, command: str) -> None:
        """Loses the answer to the next command with that name."""
        if self.how == "cut":
            self.relay.lose_answer(wire(command))
            return
        error = {"code": 64, "errmsg": "waiting for replication timed out"}
        data = {
            "failCommands": [command],
            "namespace": self.users.full_name,
            "writeConcernError": error | {"errInfo": {"wtimeout": True}},
        }
        once = {"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": data}
        self.database.client.admin.command(once)

    def restore(self) -> None:
        """Lets MongoDB answer again, and waits until the web process is ready."""
        self.relay.restore()
        wait_until(lambda: self.web.answer("/health/ready")[0] == 200)

    def repeat(
        self,
        person: Person,
        path: str,
        *,
        on: str | None = None,
        write: str = "update",
        **fields: str,
    ) -> TestResponse:
        """Sends a form whose answer is lost, sends it again, and returns the second answer."""
        form = person.fill(path, on=on, **fields)
        self.lose_answer_to(write)
        first = person.client.post(path, data=form)
        assert first.status_code == 503
        assert int(first.headers["Retry-After"]) > 0
        assert "Try again in a moment" in first.text
        self.restore()
        return person.client.post(path, data=form)


@pytest.fixture(scope="module")
def shared_site(
    failing_mongod: Mongod, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[UnreliableSite]:
    """One web process for all tests; each test has its own people."""
    folder: Path = tmp_path_factory.mktemp("unknown")
    database, relay = connect(failing_mongod.uri("unknown")), TcpRelay(failing_mongod.port)
    list(indexes.apply(database))
    through = f"mongodb://127.0.0.1:{relay.port}/unknown?directConnection=true"
    patience = "&serverSelectionTimeoutMS=1500&timeoutMS=1500"
    web = Web(folder / "web.log", MONGODB_URI=through + patience, WEB_CONCURRENCY="1")
    web.start()
    app = app_like(failing_mongod.uri("unknown"), folder / "mail")
    yield UnreliableSite(web, relay, database, Mailbox(Worker(app), folder / "mail"))
    web.kill()
    relay.close()
    database.client.drop_database("unknown")


@pytest.fixture
def site(shared_site: UnreliableSite) -> UnreliableSite:
    """A site that loses answers by a timeout."""
    return shared_site


@pytest.fixture(params=["timeout", "cut"])
def each_site(shared_site: UnreliableSite, request: pytest.FixtureRequest) -> UnreliableSite:
    """A site for each way of losing an answer."""
    return replace(shared_site, how=request.param)


@pytest.fixture
def email() -> str:
    """An address without an account."""
    return f"person{next(_numbers)}@example.com"


@pytest.fixture
def ada(shared_site: UnreliableSite, email: str) -> Person:
    """A person with a confirmed account who is signed in."""
    person = Person(shared_site.web)
    person.register(email)
    assert person.submit(shared_site.mailbox.newest(email).link).location == "/"
    return person


def account(site: UnreliableSite, email: str) -> dict[str, Any]:
    """The only account with that address."""
    (found,) = site.users.find({"email_key": email})
    return found


def test_a_repeated_registration_replaces_the_first_one(
    each_site: UnreliableSite, email: str
) -> None:
    person = Person(each_site.web)
    fields = {"email": email, "password": PASSWORD, "confirm": PASSWORD}
    again = each_site.repeat(person, "/register", write="findAndModify", **fields)
    assert again.location == "/unconfirmed"
    assert account(each_site, email)["token_version"] == 2
    assert each_site.mailbox.subjects(email) == [
        each_site.mailbox.newest(email, "confirm").subject
    ], "one mail, and none that says that the address is taken"
    assert person.submit(each_site.mailbox.newest(email).link).location == "/"


def test_the_mail_of_an_unanswered_registration_works(site: UnreliableSite, email: str) -> None:
    person = Person(site.web)
    site.lose_answer_to("findAndModify")
    assert person.register(email).status_code == 503
    link = site.mailbox.newest(email).link
    assert person.submit(link, password=PASSWORD).location == "/"
    assert person.get("/profile").status_code == 200


def test_a_repeated_confirmation_leads_home(each_site: UnreliableSite, email: str) -> None:
    person = Person(each_site.web)
    person.register(email)
    link = each_site.mailbox.newest(email).link
    assert each_site.repeat(person, link).location == "/"
    assert "is confirmed" in alert(person.get("/"), "success")


def test_a_repeated_confirmation_by_password_says_that_it_is_done(
    site: UnreliableSite, email: str
) -> None:
    Person(site.web).register(email)
    elsewhere, link = Person(site.web), site.mailbox.newest(email).link
    again = site.repeat(elsewhere, link, password=PASSWORD)
    assert (again.status_code, "Already confirmed" in again.text) == (200, True)
    assert elsewhere.sign_in(email).location == "/"


def test_a_repeated_code_works(site: UnreliableSite, email: str) -> None:
    person = Person(site.web)
    person.register(email)
    words = site.mailbox.newest(email).text.split()
    code = next(a + b for a, b in pairwise(words) if (a + b).isdigit())
    again = site.repeat(person, "/unconfirmed/code", on="/unconfirmed", code=code)
    assert again.location == "/"


def test_after_a_repeated_resend_the_newest_link_works(site: UnreliableSite, email: str) -> None:
    person = Person(site.web)
    person.register(email)
    again = site.repeat(person, "/resend", on="/unconfirmed")
    assert again.location == "/unconfirmed"
    assert person.submit(site.mailbox.newest(email).link).location == "/"


def test_repeated_starting_over_leads_to_the_registration_form(
    site: UnreliableSite, email: str
) -> None:
    person = Person(site.web)
    person.register(email)
    again = site.repeat(person, "/unconfirmed/start-over", on="/unconfirmed", write="delete")
    assert again.location == "/register"
    assert site.users.count_documents({"email_key": email}) == 0


def test_repeated_disowning_says_that_the_account_is_gone(site: UnreliableSite, email: str) -> None:
    Person(site.web).register(email)
    owner, link = Person(site.web), site.mailbox.newest(email).link
    again = site.repeat(owner, f"{link}/disown", on=link, write="delete")
    assert (again.status_code, "account is gone" in again.text) == (410, True)


def test_a_repeated_sign_in_signs_in(site: UnreliableSite, ada: Person, email: str) -> None:
    again = site.repeat(Person(site.web), "/login", email=email, password=PASSWORD)
    assert again.location == "/"


def test_a_repeated_sign_out_signs_out(site: UnreliableSite, ada: Person) -> None:
    earlier = ada.tab()
    assert site.repeat(ada, "/logout", on="/").location == "/login"
    assert earlier.get("/profile").status_code == 302


def test_a_repeated_reset_succeeds(each_site: UnreliableSite, ada: Person, email: str) -> None:
    person = Person(each_site.web)
    asked = each_site.repeat(person, "/forgot", write="findAndModify", email=email)
    assert asked.location == "/login"
    link = each_site.mailbox.newest(email, "password").link
    again = each_site.repeat(person, link, password=NEW, confirm=NEW)
    assert again.location == "/login"
    assert "Your password is changed" in alert(person.get("/login"), "success")
    assert person.sign_in(email, NEW).location == "/"
    assert account(each_site, email)["reset_done"]["version"] == 1, (
        "the repeated request needs no second letter"
    )


def test_a_repeated_password_change_says_which_password_works(
    site: UnreliableSite, ada: Person, email: str
) -> None:
    fields = {"current_password": PASSWORD, "password": NEW, "confirm": NEW}
    again = site.repeat(ada, "/profile/password", **fields)
    assert again.location.startswith("/login")
    assert "new password" in alert(ada.get(again.location), "info")
    assert ada.sign_in(email, NEW).location == "/"


def test_each_repeated_step_of_a_change_of_address_succeeds(
    site: UnreliableSite, ada: Person, email: str
) -> None:
    new = f"new-{email}"
    again = site.repeat(ada, "/profile/email", email=new, current_password=PASSWORD)
    assert again.location == "/profile/email"
    confirmed = site.repeat(ada, site.mailbox.newest(new).link)
    assert (confirmed.status_code, "Already confirmed" in confirmed.text) == (200, True)
    assert account(site, new)["confirmed"]
    undone = site.repeat(Person(site.web), site.mailbox.newest(email, "changed").link)
    assert (undone.status_code, "Already restored" in undone.text) == (200, True)
    assert account(site, email)["former_emails"] == []


def test_a_repeated_cancellation_says_that_no_change_is_pending(
    site: UnreliableSite, ada: Person, email: str
) -> None:
    ada.submit("/profile/email", email=f"new-{email}", current_password=PASSWORD)
    again = site.repeat(ada, "/profile/email/cancel", on="/profile/email")
    assert again.location == "/profile/email"
    assert "No change was pending" in alert(ada.get("/profile/email"), "info")


def test_a_repeated_deletion_succeeds(each_site: UnreliableSite, ada: Person, email: str) -> None:
    again = each_site.repeat(ada, "/profile/delete", current_password=PASSWORD)
    assert again.location == "/"
    assert "deleted" in alert(ada.get("/"), "success")
    assert each_site.users.count_documents({"email_key": email}) == 0


def test_a_write_that_the_driver_repeats_takes_effect_once(
    site: UnreliableSite, email: str
) -> None:
    """The connection works again at once, so the driver repeats the write."""
    person = Person(site.web)
    form = person.fill("/register", email=email, password=PASSWORD, confirm=PASSWORD)
    before = site.relay.lost
    site.relay.lose_answer(wire("findAndModify"), stays_dead=False)
    assert person.client.post("/register", data=form).location == "/unconfirmed"
    assert site.relay.lost == before + 1
    assert account(site, email)["token_version"] == 1
