"""Flows take plain values, return typed results, and need no request."""

import pytest
from flask import Flask

from app.flows.change_email import EmailChangeAsked, EmailChanged, ask_email_change
from app.flows.change_email import confirm_email_change as confirm_change
from app.flows.change_password import PasswordChanged, change_password
from app.flows.confirm import (
    CodeRefusal,
    CodeRefused,
    Confirmable,
    Confirmed,
    confirm_by_code,
    confirm_by_link,
    open_confirmation,
)
from app.flows.delete import Deleted, delete, is_deleted
from app.flows.opened_link import LinkRefused
from app.flows.register import AddressTaken, Registered, register
from app.flows.reset import PasswordReset, ResetAsked, Resettable, ask_reset, open_reset, reset
from app.flows.results import Limited, WeakPassword, WrongPassword
from app.flows.sign_in import AccountDisabled, NoMatch, SignedIn, sign_in
from app.flows.sign_out import sign_out
from app.mongo import current_mongo, users
from app.security.signing import link_signer
from app.users.addresses import parse_address
from app.users.client import Client
from app.users.link_outcomes import LinkOutcome
from app.users.links import Purpose
from app.users.passwords import WeaknessKind
from app.users.user import User
from tests.visitor import PASSWORD

ADA, NEW = "ada@example.com", "a quite different phrase"
CLIENT = Client("192.0.2.7", "Firefox", "a browser")


def now(user: User) -> User:
    """The account as it is stored now."""
    found = users.find(user.id)
    assert found
    return found


def confirmation(user: User) -> str:
    """The token of the confirmation link."""
    return link_signer().mint(Purpose.CONFIRM, user.id, user.email_key, user.token_version)


@pytest.fixture
def registered(app: Flask) -> User:
    """Ada, who has not confirmed yet."""
    result = register(parse_address(ADA), PASSWORD, CLIENT)
    assert isinstance(result, Registered)
    return now(result.user)


@pytest.fixture
def ada(registered: User) -> User:
    """Ada, who has confirmed."""
    assert isinstance(
        confirm_by_link(confirmation(registered), registered, None, CLIENT), Confirmed
    )
    return now(registered)


@pytest.mark.parametrize("client", [Client(), CLIENT], ids=["nothing known", "a browser"])
def test_an_account_goes_from_registration_to_deletion(app: Flask, client: Client) -> None:
    registered = register(parse_address(ADA), PASSWORD, client)
    assert isinstance(registered, Registered)
    assert [session.id for session in now(registered.user).sessions] == [registered.session.id]

    token = confirmation(registered.user)
    assert isinstance(open_confirmation(token, None), Confirmable)
    assert not now(registered.user).confirmed, "opening a link changes nothing"
    confirmed = confirm_by_link(token, registered.user, None, client)
    assert isinstance(confirmed, Confirmed)
    assert confirmed.session is None, "the owner already has a session"
    assert now(registered.user).confirmed

    signed_in = sign_in(ADA, PASSWORD, client, remember=True)
    assert isinstance(signed_in, SignedIn)
    assert signed_in.user.id == registered.user.id
    sign_out(signed_in.user.id, signed_in.session.id)
    sessions = [session.id for session in now(registered.user).sessions]
    assert sessions == [registered.session.id]

    assert ask_reset(ADA, client) == ResetAsked()
    user = now(registered.user)
    token = link_signer().mint(Purpose.RESET, user.id, user.email_key, user.reset_version)
    assert isinstance(open_reset(token, None), Resettable)
    assert reset(token, None, NEW, client, "browser key") == PasswordReset()
    assert now(user).sessions == ()
    assert sign_in(ADA, PASSWORD, client, remember=False) == NoMatch()

    assert delete(now(user), NEW, client) == Deleted()
    assert is_deleted(user.id)
    assert sign_in(ADA, NEW, client, remember=False) == NoMatch()


def test_a_signed_out_person_confirms_with_the_password(registered: User) -> None:
    token = confirmation(registered)
    assert confirm_by_link(token, None, None, CLIENT) == Confirmable(registered, is_owner=False)
    assert isinstance(confirm_by_link(token, None, NEW, CLIENT), WrongPassword)
    assert not now(registered).confirmed
    confirmed = confirm_by_link(token, None, PASSWORD, CLIENT)
    assert isinstance(confirmed, Confirmed)
    assert confirmed.session
    assert confirmed.session.id in {session.id for session in now(registered).sessions}


def test_the_code_of_the_mail_confirms(registered: User) -> None:
    user = registered
    (code, *_) = link_signer().codes(user.id, user.email_key, user.token_version)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    refused = confirm_by_code(user, wrong, CLIENT)
    assert refused == CodeRefused(CodeRefusal.WRONG, 4)
    assert isinstance(confirm_by_code(now(user), code, CLIENT), Confirmed)


def test_an_address_that_is_taken_gets_a_decoy(ada: User) -> None:
    taken = register(parse_address(ADA), NEW, Client())
    assert isinstance(taken, AddressTaken)
    assert taken.user.email == ADA
    assert taken.user.id != ada.id
    assert users.find(taken.user.id) is None


def test_a_weak_password_is_refused_with_its_weakness(app: Flask) -> None:
    refused = register(parse_address(ADA), "short", Client())
    assert isinstance(refused, WeakPassword)
    assert refused.weakness.kind is WeaknessKind.TOO_SHORT
    assert users.find_by_email(ADA) is None


def test_only_the_right_password_shows_that_an_account_is_disabled(
    ada: User,
) -> None:
    current_mongo().users.update_one({"_id": ada.id}, {"$set": {"disabled_on": ada.confirmed_on}})
    assert sign_in(ADA, NEW, CLIENT, remember=False) == NoMatch()
    assert sign_in(ADA, PASSWORD, CLIENT, remember=False) == AccountDisabled()


@pytest.mark.usefixtures("ada")
def test_too_many_attempts_are_limited(app: Flask) -> None:
    stranger = Client("198.51.100.3", "curl", "another browser")
    for _ in range(10):
        assert sign_in(ADA, NEW, stranger, remember=False) == NoMatch()
    limited = sign_in(ADA, PASSWORD, stranger, remember=False)
    assert isinstance(limited, Limited)
    assert limited.rule == "account"
    assert 0 < limited.retry_after <= 900


def test_a_link_that_is_damaged_or_used_is_refused_with_its_outcome(ada: User) -> None:
    damaged = confirm_by_link("damaged", None, None, CLIENT)
    used = confirm_by_link(confirmation(ada), None, PASSWORD, CLIENT)
    assert isinstance(damaged, LinkRefused)
    assert isinstance(used, LinkRefused)
    assert (damaged.outcome, used.outcome) == (LinkOutcome.DAMAGED, LinkOutcome.ALREADY_DONE)


def test_a_password_and_an_address_are_changed(ada: User) -> None:
    changed = change_password(ada, PASSWORD, NEW, CLIENT, session_id="", remember=False)
    assert isinstance(changed, PasswordChanged)
    assert [session.id for session in now(ada).sessions] == [changed.session.id]

    address = parse_address("ada@new.example")
    assert ask_email_change(now(ada), address, NEW, CLIENT) == EmailChangeAsked()
    pending = now(ada).pending_email
    assert pending
    token = link_signer().mint(Purpose.EMAIL_CHANGE, ada.id, pending.email_key, pending.version)
    result = confirm_change(token, now(ada), None, CLIENT)
    assert isinstance(result, EmailChanged)
    assert now(ada).email == "ada@new.example"
