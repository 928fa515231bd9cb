"""The MongoDB commands that each request of a journey sends, on a real mongod."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.mongo import current_mongo
from scripts.mongod import Mongod
from tests.api.programs import Program
from tests.commands import commands
from tests.conftest import MakeApp
from tests.journeys.factors import add_app, add_passkey
from tests.mailbox import Mailbox
from tests.planted_factors import (
    PASSKEY,
    SECOND,
    options_for,
    plant_app,
    plant_codes,
    plant_passkey,
    second_step,
)
from tests.visitor import PASSWORD, Visitor

FIND, UPDATE, FIND_AND_UPDATE = ("find", "users"), ("update", "users"), ("findAndModify", "users")
# One command counts all limits of a form.
LIMITS = ("update", "limits")
# The record of a deletion has no address.
RECORD = ("update", "departed")
# The decoy of an address that has no account any more.
FORGET = ("delete", "decoys")


class CountingClient(FlaskClient):
    """Keeps the commands of the last request, each with its collection."""

    sent: list[tuple[str, str]]

    def get(self, *args: Any, **options: Any) -> TestResponse:
        return self._counted(super().get, *args, **options)

    def post(self, *args: Any, **options: Any) -> TestResponse:
        return self._counted(super().post, *args, **options)

    def _counted(
        self, send: Callable[..., TestResponse], *args: Any, **kwargs: Any
    ) -> TestResponse:
        with commands.recorded() as recorded:
            answer = send(*args, **kwargs)
        # The first item of a command is its name and its collection.
        self.sent = [next(iter(command.items())) for command in recorded]
        return answer


@pytest.fixture
def app(make_app: MakeApp, mongod: Mongod) -> Flask:
    """The app on a real mongod. The tests share a database, because making indexes takes long."""
    app = make_app(MONGODB_URI=mongod.uri("commands"), RESEND_COOLDOWN="0")
    with app.app_context():
        current_mongo().users.delete_many({})
        current_mongo().database["limits"].delete_many({})
    app.test_client_class = CountingClient
    return app


@pytest.fixture
def ada(visitor: Visitor) -> Visitor:
    """Signed in, not yet confirmed."""
    visitor.register("ada@example.com")
    return visitor


@pytest.fixture
def link(ada: Visitor, mailbox: Mailbox) -> str:
    """The confirmation link of ada."""
    return mailbox.newest("ada@example.com").link


@pytest.fixture
def confirmed(ada: Visitor, link: str) -> Visitor:
    """Signed in and confirmed."""
    assert ada.submit(link).location == "/"
    return ada


def sent(visitor: Visitor) -> list[tuple[str, str]]:
    """The commands of the last request of a visitor."""
    assert isinstance(visitor.client, CountingClient)
    return visitor.client.sent


@pytest.mark.parametrize("path", ["/", "/register", "/login", "/health/live"])
def test_a_public_page_sends_no_command(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 200
    assert sent(visitor) == []


def test_registering_a_new_address_is_two_commands(visitor: Visitor) -> None:
    assert visitor.register("ada@example.com").location == "/unconfirmed"
    assert sent(visitor) == [LIMITS, FIND_AND_UPDATE]


def test_replacing_an_unconfirmed_registration_is_two_commands(
    ada: Visitor, new_visitor: Callable[[], Visitor]
) -> None:
    newer = new_visitor()
    assert newer.register("ada@example.com").location == "/unconfirmed"
    assert sent(newer) == [LIMITS, FIND_AND_UPDATE]


@pytest.mark.usefixtures("confirmed")
def test_registering_a_confirmed_address_is_five_commands(
    new_visitor: Callable[[], Visitor],
) -> None:
    stranger = new_visitor()
    assert stranger.register("ada@example.com").location == "/unconfirmed"
    # Two tries to insert, the letter to the owner, and the decoy.
    assert sent(stranger) == [LIMITS, *[FIND_AND_UPDATE] * 3, ("findAndModify", "decoys")]


@pytest.mark.parametrize("path", ["/", "/profile"])
def test_a_signed_in_page_is_one_command(confirmed: Visitor, path: str) -> None:
    assert confirmed.get(path).status_code == 200
    assert sent(confirmed) == [FIND]


@pytest.mark.parametrize("path", ["/unconfirmed", "/unconfirmed/status"])
def test_a_page_about_waiting_is_one_command(ada: Visitor, path: str) -> None:
    assert ada.get(path).status_code == 200
    assert sent(ada) == [FIND]


def test_signing_in_is_three_commands(ada: Visitor, new_visitor: Callable[[], Visitor]) -> None:
    elsewhere = new_visitor()
    assert elsewhere.sign_in("ada@example.com").location == "/unconfirmed"
    assert sent(elsewhere) == [FIND, LIMITS, UPDATE]


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
def test_a_wrong_password_is_three_commands_with_and_without_an_account(
    ada: Visitor, new_visitor: Callable[[], Visitor], email: str
) -> None:
    elsewhere = new_visitor()
    assert elsewhere.sign_in(email, "not the password").status_code == 422
    assert sent(elsewhere) == [FIND, LIMITS, UPDATE]


# Second factors


@pytest.fixture
def elsewhere(confirmed: Visitor, new_visitor: Callable[[], Visitor]) -> Visitor:
    """Another browser of ada, who is confirmed."""
    return new_visitor()


def test_the_first_step_is_two_commands_and_the_second_three(
    app: Flask, elsewhere: Visitor
) -> None:
    phone = plant_app(app)
    assert elsewhere.sign_in("ada@example.com").location == SECOND
    assert sent(elsewhere) == [FIND, LIMITS]
    assert elsewhere.get(SECOND).status_code == 200
    assert sent(elsewhere) == [FIND]
    assert second_step(elsewhere, phone.code()).location == "/"
    assert sent(elsewhere) == [FIND, LIMITS, UPDATE]


def test_a_recovery_code_is_three_commands(app: Flask, elsewhere: Visitor) -> None:
    plant_app(app)
    code = plant_codes(app)[0]
    elsewhere.sign_in("ada@example.com")
    assert second_step(elsewhere, code).location == "/"
    assert sent(elsewhere) == [FIND, LIMITS, UPDATE]


def test_a_wrong_code_is_two_commands(app: Flask, elsewhere: Visitor) -> None:
    plant_app(app)
    elsewhere.sign_in("ada@example.com")
    assert second_step(elsewhere, "000000").status_code == 422
    assert sent(elsewhere) == [FIND, LIMITS]


def test_signing_in_with_a_passkey_is_three_commands(app: Flask, elsewhere: Visitor) -> None:
    key = plant_passkey(app)
    options = options_for(elsewhere)
    assert sent(elsewhere) == [], "the challenge is in the cookie"
    assert elsewhere.submit(PASSKEY, on="/login", credential=key.get(options)).location == "/"
    assert sent(elsewhere) == [LIMITS, FIND, UPDATE]


def test_a_passkey_as_second_step_is_three_commands(app: Flask, elsewhere: Visitor) -> None:
    key = plant_passkey(app)
    elsewhere.sign_in("ada@example.com")
    options = options_for(elsewhere)
    assert sent(elsewhere) == [FIND]
    assert elsewhere.submit(PASSKEY, on=SECOND, credential=key.get(options)).location == "/"
    assert sent(elsewhere) == [FIND, LIMITS, UPDATE]


def test_a_trusted_browser_signs_in_with_three_commands(app: Flask, elsewhere: Visitor) -> None:
    phone = plant_app(app)
    elsewhere.sign_in("ada@example.com")
    second_step(elsewhere, phone.code(), trust_browser="y")
    elsewhere.sign_out()
    assert elsewhere.sign_in("ada@example.com").location == "/"
    assert sent(elsewhere) == [FIND, LIMITS, UPDATE]
    assert elsewhere.get("/profile").status_code == 200
    assert sent(elsewhere) == [FIND]


def test_opening_a_link_is_one_read(ada: Visitor, link: str) -> None:
    assert ada.get(link).status_code == 200
    assert sent(ada) == [FIND]


def test_confirming_is_two_commands_for_the_owner(ada: Visitor, link: str) -> None:
    assert ada.submit(link).location == "/"
    assert sent(ada) == [FIND, UPDATE]


def test_confirming_with_the_password_is_three_commands(
    ada: Visitor, link: str, new_visitor: Callable[[], Visitor]
) -> None:
    phone = new_visitor()
    assert phone.submit(link, password=PASSWORD).location == "/"
    assert sent(phone) == [FIND, LIMITS, UPDATE]


def test_resending_is_three_commands(ada: Visitor) -> None:
    assert ada.submit("/resend", on="/unconfirmed").location == "/unconfirmed"
    assert sent(ada) == [FIND, LIMITS, UPDATE]


def test_signing_out_is_at_most_two_commands(confirmed: Visitor) -> None:
    assert confirmed.sign_out().location == "/login"
    assert sent(confirmed) in ([UPDATE], [FIND, UPDATE])


# After confirming


NEW, PHRASE = "ada@new.example", "a quite different phrase"


def request_change(ada: Visitor) -> None:
    answer = ada.submit("/profile/email", email=NEW, current_password=PASSWORD)
    assert answer.location == "/profile/email"


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
@pytest.mark.usefixtures("confirmed")
def test_asking_for_a_reset_is_two_commands_with_and_without_an_account(
    new_visitor: Callable[[], Visitor], email: str
) -> None:
    visitor = new_visitor()
    assert visitor.submit("/forgot", email=email).location == "/login"
    assert sent(visitor) == [LIMITS, FIND_AND_UPDATE]


def test_resetting_is_two_commands(
    confirmed: Visitor, new_visitor: Callable[[], Visitor], mailbox: Mailbox
) -> None:
    visitor = new_visitor()
    visitor.submit("/forgot", email="ada@example.com")
    link = mailbox.newest("ada@example.com").link
    assert visitor.submit(link, password=PHRASE, confirm=PHRASE).location == "/login"
    assert sent(visitor) == [FIND, UPDATE]


def test_changing_the_password_is_three_commands(confirmed: Visitor) -> None:
    fields = {"current_password": PASSWORD, "password": PHRASE, "confirm": PHRASE}
    assert confirmed.submit("/profile/password", **fields).location == "/profile"
    assert sent(confirmed) == [FIND, LIMITS, UPDATE]


def test_requesting_a_change_of_address_is_three_commands(confirmed: Visitor) -> None:
    request_change(confirmed)
    assert sent(confirmed) == [FIND, LIMITS, UPDATE]


def test_cancelling_a_change_of_address_is_two_commands(confirmed: Visitor) -> None:
    request_change(confirmed)
    answer = confirmed.submit("/profile/email/cancel", on="/profile/email")
    assert answer.location == "/profile/email"
    assert sent(confirmed) == [FIND, UPDATE]


def test_confirming_a_new_address_is_three_commands_for_the_owner(
    confirmed: Visitor, mailbox: Mailbox
) -> None:
    request_change(confirmed)
    assert confirmed.submit(mailbox.newest(NEW).link).location == "/profile"
    assert sent(confirmed) == [FIND, UPDATE, FORGET]


def test_confirming_a_new_address_with_the_password_is_five_commands(
    confirmed: Visitor, new_visitor: Callable[[], Visitor], mailbox: Mailbox
) -> None:
    request_change(confirmed)
    phone = new_visitor()
    assert phone.submit(mailbox.newest(NEW).link, password=PASSWORD).location == "/"
    assert sent(phone) == [FIND, LIMITS, UPDATE, FORGET, UPDATE]


def test_confirming_an_address_with_an_unconfirmed_account_is_seven_commands(
    confirmed: Visitor, new_visitor: Callable[[], Visitor], mailbox: Mailbox
) -> None:
    request_change(confirmed)
    link = mailbox.newest(NEW).link
    new_visitor().register(NEW)
    assert confirmed.submit(link).location == "/profile"
    assert sent(confirmed) == [FIND, UPDATE, FIND, RECORD, FIND_AND_UPDATE, UPDATE, FORGET]


def test_undoing_a_change_of_address_is_three_commands(
    confirmed: Visitor, new_visitor: Callable[[], Visitor], mailbox: Mailbox
) -> None:
    request_change(confirmed)
    confirmed.submit(mailbox.newest(NEW).link)
    owner = new_visitor()
    assert owner.submit(mailbox.newest("ada@example.com").link).location == "/"
    assert sent(owner) == [FIND, UPDATE, FORGET]


def test_the_list_of_sessions_is_one_command(confirmed: Visitor) -> None:
    assert confirmed.get("/profile/sessions").status_code == 200
    assert sent(confirmed) == [FIND]


@pytest.mark.parametrize("which", ["/revoke", "/revoke-others"])
def test_ending_sessions_is_two_commands(
    confirmed: Visitor, new_visitor: Callable[[], Visitor], which: str
) -> None:
    new_visitor().sign_in("ada@example.com")
    (form,) = confirmed.page("/profile/sessions").select(f"form[action$='{which}']")
    answer = confirmed.submit(str(form["action"]), on="/profile/sessions")
    assert answer.location == "/profile/sessions"
    assert sent(confirmed) == [FIND, UPDATE]


def test_the_activity_is_two_commands(confirmed: Visitor) -> None:
    assert confirmed.get("/profile/activity").status_code == 200
    assert sent(confirmed) == [FIND, FIND]


def test_the_export_is_two_commands(confirmed: Visitor) -> None:
    assert confirmed.get("/profile/export").status_code == 200
    assert sent(confirmed) == [FIND, FIND_AND_UPDATE]


def test_deleting_an_account_is_six_commands(confirmed: Visitor) -> None:
    assert confirmed.submit("/profile/delete", current_password=PASSWORD).location == "/"
    assert sent(confirmed) == [FIND, LIMITS, FIND, RECORD, UPDATE, FORGET]


@pytest.mark.parametrize("path", ["/profile/password", "/profile/email", "/profile/delete"])
def test_a_form_about_the_account_is_one_command(confirmed: Visitor, path: str) -> None:
    assert confirmed.get(path).status_code == 200
    assert sent(confirmed) == [FIND]


# Second factors


def test_the_page_about_security_and_the_proof_are_one_command(confirmed: Visitor) -> None:
    for path in ("/profile/security", "/profile/security/totp", "/reauth"):
        assert confirmed.get(path).status_code == 200
        assert sent(confirmed) == [FIND]


def test_a_proof_is_three_commands(confirmed: Visitor) -> None:
    assert confirmed.submit("/reauth", current_password=PASSWORD).location == "/"
    assert sent(confirmed) == [FIND, LIMITS, UPDATE]


def test_adding_an_authenticator_app_is_three_commands_and_making_codes_two(
    confirmed: Visitor,
) -> None:
    assert add_app(confirmed)[1].status_code == 200
    assert sent(confirmed) == [FIND, LIMITS, UPDATE]
    assert confirmed.submit("/profile/security/recovery-codes").status_code == 200
    assert sent(confirmed) == [FIND, UPDATE]


def test_adding_a_passkey_is_four_commands(confirmed: Visitor) -> None:
    assert add_passkey(confirmed)[1].status_code == 200
    assert sent(confirmed) == [FIND, LIMITS, FIND, UPDATE]


# The API


def test_a_call_of_a_signed_in_program_is_one_command(app: Flask) -> None:
    program = Program(app)
    program.register("ada@example.com")
    with commands.recorded() as called:
        assert program.get("/account").status_code == 200
    assert [next(iter(command.items())) for command in called] == [FIND]


# Damaged links


def test_a_damaged_link_sends_no_command(visitor: Visitor) -> None:
    assert visitor.get("/confirm/damaged").status_code == 404
    assert sent(visitor) == []
