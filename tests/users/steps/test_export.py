"""The export, on mongomock and on MongoDB."""

import json
from datetime import timedelta
from typing import Any

from app.users.addresses import parse_address
from app.users.client import Client
from app.users.events import EventKind
from app.users.repository import UserRepository
from app.users.user import POLICIES, User
from tests.users.conftest import (
    BOB,
    HOME,
    HOUR,
    MINUTE,
    NOW,
    WEEK,
    Users,
    found,
    register,
    stored,
)

CAROL = parse_address("carol@example.com")
LATER, CAFE = NOW + HOUR, Client("192.0.2.9", "Safari")


def test_the_export_has_all_stored_data(users: UserRepository, busy: User) -> None:
    data = users.export(busy, LATER, CAFE)
    assert (data["email"], data["registered_on"], data["confirmed_on"]) == (BOB.typed, NOW, NOW)
    assert data["pending_email"] == {"email": "Ada@Example.com", "asked_on": NOW}
    assert data["former_emails"] == [{"email": "Ada@Example.com", "changed_on": NOW}]
    assert (len(data["sessions"]), data["known_browsers"]) == (2, 2)
    assert data["sessions"][0]["address"] == "192.0.2.1"
    kinds = {entry["kind"]: entry for entry in data["activity"]}
    assert set(kinds) == {
        "registered",
        "confirmed",
        "signed_in",
        "email_change_asked",
        "email_changed",
        "reset_asked",
        "sign_in_refused",
        "exported",
    }
    assert kinds["exported"]["address"] == "192.0.2.9"
    assert {letter["kind"] for letter in data["letters_on_their_way"]} >= {"reset", "email_changed"}


def test_an_export_adds_an_event_and_changes_nothing_else(
    users: UserRepository, busy: User
) -> None:
    users.export(busy, LATER, CAFE)
    assert found(users, busy) == busy
    assert users.activity(busy)[0].kind == EventKind.EXPORTED


def test_the_export_has_no_words_of_a_mail_server(
    users: UserRepository, collection: Users, busy: User
) -> None:
    """They may have the names of our hosts and accounts."""
    words = {"outbox.0.trouble": "535 no login-name", "confirm_mail.refused": "550 login-name"}
    assert collection.update_one({"_id": busy.id}, {"$set": words}).modified_count
    data = users.export(busy, LATER, CAFE)
    assert data["letters_on_their_way"]
    assert "login-name" not in str(data)


def secrets_of(document: dict[str, Any]) -> set[str]:
    """All secrets of an account."""
    letters = {letter[key] for letter in document["outbox"] for key in ("id", "message_id")}
    sessions = {session["id"] for session in document["sessions"]}
    return {document["password_hash"], *sessions, *document["devices"], *letters}


def test_the_export_has_no_secrets(users: UserRepository, collection: Users, busy: User) -> None:
    collection.update_one({"_id": busy.id}, {"$set": {"password_hash": "$2b$12$secret"}})
    exported = json.dumps(users.export(found(users, busy), LATER, CAFE), default=str)
    hidden = secrets_of(stored(collection, busy))
    assert len(hidden) > 10
    assert not [secret for secret in hidden if secret in exported]


def test_the_export_has_every_exported_field_and_no_other(
    users: UserRepository, busy: User
) -> None:
    """Fields that the account does not have yet are in it, too."""
    exported = {policy.export for policy in POLICIES.values() if policy.export}
    for user in (busy, register(users, CAROL)):
        assert set(users.export(user, LATER, HOME)) == exported


def test_the_export_has_the_number_of_resends_and_the_date_of_the_reminder(
    users: UserRepository,
) -> None:
    user = register(users)
    assert users.resend(user, NOW + MINUTE, MINUTE)
    reminded = NOW + WEEK - HOUR
    assert users.owe_reminder(reminded, timedelta(days=1))
    held = users.export(found(users, user), reminded, HOME)
    assert held["confirmation_mails_asked_for"] == 2
    assert held["reminded_on"] == reminded
