"""Parallel requests, and the same form from two tabs: one result, and a correct answer to each.

tests/users/test_on_mongod.py has many rounds of the same races without HTTP.
"""

from collections.abc import Callable
from itertools import count

import pytest
from werkzeug.test import TestResponse

from tests.faults.conftest import Make, Users
from tests.faults.real_processes import Person, Web
from tests.mailbox import Mailbox
from tests.parallel import in_parallel
from tests.visitor import PASSWORD

ADA, NEW = "ada@example.com", "a quite different phrase"
ROUNDS = 5
CROWD = 200


def _send(person: Person, path: str, form: dict[str, str]) -> Callable[[], TestResponse]:
    """Sends a form; sends it again while the server answers that it is busy."""

    def send() -> TestResponse:
        while (answer := person.client.post(path, data=form)).status_code == 503:
            assert "Retry-After" in answer.headers
        return answer

    return send


def _twice(
    person: Person, path: str, on: str | None = None, **fields: str
) -> tuple[TestResponse, TestResponse]:
    """The answers to two tabs that send the same form at the same moment."""
    form = person.fill(path, on=on, **fields)
    first, second = in_parallel(_send(person.tab(), path, form), _send(person.tab(), path, form))
    assert first.status_code < 500 > second.status_code
    return first, second


def _locations(answers: tuple[TestResponse, TestResponse]) -> list[str | None]:
    return [answer.location for answer in answers]


@pytest.fixture
def ada(web: Web, mailbox: Mailbox) -> Person:
    """A person with a confirmed account who is signed in."""
    person = Person(web)
    person.register(ADA)
    assert person.submit(mailbox.newest(ADA).link).location == "/"
    return person


def test_200_parallel_registrations_make_one_account_whose_newest_link_works(
    web: Web, users: Users, mailbox: Mailbox
) -> None:
    fields = {"email": ADA, "password": PASSWORD, "confirm": PASSWORD}
    people = [Person(web) for _ in range(CROWD)]
    forms = [person.fill("/register", **fields) for person in people]
    sends = [_send(person, "/register", form) for person, form in zip(people, forms, strict=True)]
    answers = in_parallel(*sends)
    assert {(answer.status_code, answer.location) for answer in answers} == {(302, "/unconfirmed")}
    assert len({answer.text for answer in answers}) == 1
    (account,) = users.find()
    assert account["token_version"] >= CROWD
    assert len(account["sessions"]) == 1
    assert mailbox.subjects(ADA) == [mailbox.newest(ADA, "confirm").subject]
    link = mailbox.newest(ADA).link
    assert Person(web).submit(link, password=PASSWORD).location == "/"


def test_after_parallel_resends_only_the_newest_link_works(
    web: Web, users: Users, mailbox: Mailbox
) -> None:
    person = Person(web)
    person.register(ADA)
    links = [mailbox.newest(ADA).link]
    for _ in range(ROUNDS):
        _twice(person, "/resend", on="/unconfirmed")
        links.append(mailbox.newest(ADA).link)
    (account,) = users.find()
    assert ROUNDS < account["token_version"] <= 1 + 2 * ROUNDS
    assert {person.get(link).status_code for link in links[:-1]} == {410}
    assert person.submit(links[-1]).location == "/"


def test_a_confirmation_during_a_resend_succeeds_or_is_superseded(
    web: Web, mailbox: Mailbox
) -> None:
    for n in range(ROUNDS):
        email, person = f"{n}@example.com", Person(web)
        person.register(email)
        link = mailbox.newest(email).link
        confirmation, resend = person.fill(link), person.fill("/resend", on="/unconfirmed")
        confirmed, _resent = in_parallel(
            _send(person.tab(), link, confirmation), _send(person.tab(), "/resend", resend)
        )
        if confirmed.status_code != 302:
            assert confirmed.status_code == 410
            assert person.submit(mailbox.newest(email).link).location == "/"
        assert person.get("/profile").status_code == 200


def test_parallel_sign_ins_succeed_after_the_hash_cost_was_raised(
    make_web: Make[Web], ada: Person, uri: str, users: Users
) -> None:
    costlier = make_web(MONGODB_URI=uri, BCRYPT_LOG_ROUNDS="5")
    costlier.start()
    account = users.find_one()
    assert account is not None
    for _ in range(2 * ROUNDS):
        users.update_one({}, {"$set": {"password_hash": account["password_hash"]}})
        visitors = [Person(costlier) for _ in range(3)]
        forms = [visitor.fill("/login", email=ADA, password=PASSWORD) for visitor in visitors]
        signed_in = in_parallel(
            *(_send(visitor, "/login", form) for visitor, form in zip(visitors, forms, strict=True))
        )
        assert [answer.location for answer in signed_in] == ["/"] * 3


class TestTwoTabs:
    """The same form from two tabs at the same moment."""

    def test_registering(self, web: Web, users: Users) -> None:
        fields = {"email": ADA, "password": PASSWORD, "confirm": PASSWORD}
        assert _locations(_twice(Person(web), "/register", **fields)) == ["/unconfirmed"] * 2
        assert users.count_documents({}) == 1

    def test_confirming(self, web: Web, mailbox: Mailbox) -> None:
        person = Person(web)
        person.register(ADA)
        assert _locations(_twice(person, mailbox.newest(ADA).link)) == ["/", "/"]

    def test_starting_over(self, web: Web) -> None:
        person = Person(web)
        person.register(ADA)
        answers = _twice(person, "/unconfirmed/start-over", on="/unconfirmed")
        assert _locations(answers) == ["/register"] * 2

    def test_signing_in_and_out(self, ada: Person) -> None:
        ada.submit("/logout", on="/")
        assert _locations(_twice(ada, "/login", email=ADA, password=PASSWORD)) == ["/", "/"]
        ada.sign_in(ADA)
        assert _locations(_twice(ada, "/logout", on="/")) == ["/login"] * 2

    def test_a_reset(self, ada: Person, web: Web, mailbox: Mailbox) -> None:
        person = Person(web)
        assert _locations(_twice(person, "/forgot", email=ADA)) == ["/login"] * 2
        link = mailbox.newest(ADA, "password").link
        answers = _twice(person, link, password=NEW, confirm=NEW)
        assert _locations(answers) == ["/login"] * 2
        assert person.sign_in(ADA, NEW).location == "/"

    def test_changing_the_password(self, ada: Person) -> None:
        fields = {"current_password": PASSWORD, "password": NEW, "confirm": NEW}
        answers = _twice(ada, "/profile/password", **fields)
        assert "/profile" in _locations(answers)
        assert ada.sign_in(ADA, NEW).location == "/"

    def test_changing_the_address(self, ada: Person, users: Users, mailbox: Mailbox) -> None:
        new = "ada@new.example"
        answers = _twice(ada, "/profile/email", email=new, current_password=PASSWORD)
        assert _locations(answers) == ["/profile/email"] * 2
        link = mailbox.newest(new).link
        done = _twice(ada, link)
        assert "/profile" in _locations(done)
        assert {answer.status_code for answer in done} <= {302, 200}
        assert users.count_documents({"email_key": new}) == users.count_documents({}) == 1
        undone = _twice(ada, mailbox.newest(ADA, "changed").link)
        assert "/" in _locations(undone)
        assert {answer.status_code for answer in undone} <= {302, 200}
        assert users.count_documents({"email_key": ADA}) == 1

    def test_different_changes_of_address(
        self, ada: Person, users: Users, mailbox: Mailbox
    ) -> None:
        numbers = count()
        for _ in range(ROUNDS):
            asked = [f"ada{next(numbers)}@new.example" for _ in range(2)]
            forms = [
                ada.fill("/profile/email", email=email, current_password=PASSWORD)
                for email in asked
            ]
            in_parallel(*(_send(ada.tab(), "/profile/email", form) for form in forms))
            pending = users.find_one({}, {"pending_email": 1})
            assert pending is not None
            new = pending["pending_email"]["email_key"]
            assert new in asked
            assert ada.submit(mailbox.newest(new, "confirm").link).location == "/profile"
            assert users.count_documents({"email_key": new}) == 1

    def test_deleting(self, ada: Person, users: Users) -> None:
        answers = _twice(ada, "/profile/delete", current_password=PASSWORD)
        assert _locations(answers) == ["/", "/"]
        assert users.count_documents({"email_key": ADA}) == 0
