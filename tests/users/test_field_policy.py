"""What happens to each field when an account may pass to another person, on both stores."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from typing import Any

import pytest

from app.users.client import Client
from app.users.field_policy import KEPT, Cause, cleared_by, declared, policies_of
from app.users.last_admin_guard import GuardResult
from app.users.repository import UserRepository
from app.users.second_factors import Passkey, RecoveryCodes, Totp
from app.users.steps.change_email import EmailChange
from app.users.user import EDITABLE, POLICIES, User
from tests.users.conftest import (
    ADA,
    BOB,
    HOME,
    HOUR,
    MINUTE,
    NOW,
    PHONE,
    WEEK,
    Users,
    confirm,
    found,
    new_session,
    register,
    stored,
)

LATER = NOW + HOUR
PLANTED = "planted"


@dataclass(frozen=True)
class Silent:
    """A class with a field without a declaration."""

    spoken: str = declared("", takeover=KEPT, reset=KEPT, undo=KEPT, export=None)
    silent: str = ""


def test_a_field_without_a_declaration_is_named() -> None:
    with pytest.raises(TypeError, match=r"becomes of silent$"):
        policies_of(Silent)


def test_every_field_of_an_account_is_declared() -> None:
    assert {field.name for field in fields(User)} < set(POLICIES)


def test_a_field_that_gets_a_new_value_is_not_unset_too() -> None:
    cleared = cleared_by(Cause.RESET, POLICIES, replaced=["sessions"])
    assert "sessions" not in cleared
    assert "pending_email" in cleared


def test_no_form_can_set_a_field_that_grants_rights() -> None:
    assert not EDITABLE & {"id", "email", "email_key", "password_hash", "confirmed", "admin"}


def test_registration_sets_only_editable_fields(users: UserRepository, collection: Users) -> None:
    with pytest.raises(ValueError, match="admin"):
        users.register(ADA, "hash", new_session(), WEEK, {"admin": True})
    assert collection.count_documents({}) == 0


def test_the_steps_store_every_declared_field_and_no_other(collection: Users) -> None:
    """Names are collected after each event, because some fields are removed later."""
    names: set[str] = set()

    def collect(_event: object = None) -> None:
        names.update(*(document.keys() for document in collection.find()))

    users = UserRepository(collection, listener=collect)
    user = register(users)
    register(users, now=NOW)
    user = found(users, user)
    assert users.resend(user, NOW + MINUTE, MINUTE)
    assert users.owe_reminder(NOW + WEEK - HOUR, timedelta(days=1))
    user = found(users, user)
    assert users.take_code_try(user)
    collect()
    assert users.confirm(user, user.token_version, NOW, HOME, new_session(device=PHONE))
    assert users.sign_in(user, new_session(), stronger_hash="hash", trust_until=LATER)
    users.dismiss_passkey_offer(user)
    user = found(users, user)
    assert users.set_profile(user, user.sessions[0].id, {"language": "de"})
    app = Totp("app", "secret", NOW, last_step=1)
    assert users.add_totp(found(users, user), app, "", NOW, HOME, ["code"])
    assert users.add_passkey(found(users, user), Passkey("id", b"", "Key", NOW), "", NOW, HOME)
    assert users.ask_factor_reset(found(users, user), NOW, HOME)
    user = found(users, user)
    assert users.start_factor_reset(user, user.factor_reset_version, NOW, HOUR, HOME)
    users.touch(user.id, user.sessions[0].id, LATER)
    assert users.owe_account_exists(ADA.key, NOW, HOUR)
    users.refuse_sign_in(user.id, NOW, HOME)
    assert users.ask_reset(ADA.key, NOW, HOME)
    user = found(users, user)
    assert users.reset_password(user, 1, "newer", NOW, HOME, "key")
    user = found(users, user)
    assert users.ask_email_change(user, BOB, NOW, HOME)
    user = found(users, user)
    assert user.pending_email
    assert users.change_email(user, user.pending_email, NOW, HOME, WEEK) is EmailChange.DONE
    user = found(users, user)
    assert users.change_password(user, "newest", new_session(), NOW)
    assert users.undo_email_change(user, user.former_emails[0], NOW, HOME) is EmailChange.DONE
    assert users.create_admin(BOB, "hash", NOW), "another administrator, who stays"
    assert users.grant(found(users, user), NOW, HOME, "root")
    assert users.withdraw(found(users, user), NOW, HOME, "root") is GuardResult.DONE
    assert users.disable(found(users, user), NOW, HOME, "root") is GuardResult.DONE
    assert users.enable(found(users, user), NOW, HOME, "root")
    users.export(user, NOW, HOME)
    assert users.delete(found(users, user), NOW, HOME) is GuardResult.DONE
    assert names - {"_id"} == POLICIES.keys() - {"id"}


# The planted values. Each has a type that `User` can read.

_COUNTERS = {
    *("token_version", "resends", "code_tries", "code_tries_total"),
    *("reset_version", "email_version", "admin_version"),
    *("factors_version", "factor_reset_version"),
}
_DATES = {"registered_on", "confirmed_on", "disabled_on", "expires_on", "reminded_on"} | {
    "exists_told_on"
}
_LISTS = {"sessions", "devices", "former_emails", "outbox", "events"} | {
    "passkeys",
    "trusted_browsers",
}


def plant(collection: Users, user: User, **guarded: Any) -> dict[str, Any]:
    """Puts a recognisable value into every declared field and returns the values.

    Args:
        guarded: values of the fields in the guard of the step.
    """
    values: dict[str, Any] = {}
    for name in POLICIES.keys() - {"id"}:
        if name in _COUNTERS:
            values[name] = 7
        elif name in _DATES:
            values[name] = NOW + 3 * WEEK
        elif name in _LISTS:
            values[name] = [f"{PLANTED} {name}"]
        else:
            values[name] = f"{PLANTED} {name}"
    values |= {"admin": True} | guarded
    collection.update_one({"_id": user.id}, {"$set": values})
    return values


def check(
    collection: Users,
    user: User,
    cause: Cause,
    planted: dict[str, Any],
    raised: Collection[str] = (),
) -> None:
    """Checks that each field keeps or loses its planted value, as its policy says.

    Args:
        raised: counters that the step keeps and raises by one.
    """
    assert planted.keys() == POLICIES.keys() - {"id"}, "no field is left out"
    after = stored(collection, user)
    for name, value in planted.items():
        now: Any = after.get(name)
        if getattr(POLICIES[name], cause.value):
            assert now != value, f"{name} must be cleared"
            assert PLANTED not in str(now), f"{name} must be cleared"
        elif name in raised:
            assert now == value + 1, f"{name} must be kept and raised"
        elif name in {"outbox", "events"}:
            assert now[: len(value)] == value, f"{name} must be kept, and may be added to"
        else:
            assert now == value, f"{name} must be kept"


def test_a_takeover_clears_the_declared_fields(users: UserRepository, collection: Users) -> None:
    user = register(users)
    planted = plant(collection, user, email_key=ADA.key, confirmed=False)
    newer = users.register(ADA, "newer", new_session(LATER), WEEK)
    assert newer
    assert newer.id == user.id
    check(collection, user, Cause.TAKEOVER, planted, raised={"token_version"})


def test_a_reset_clears_the_declared_fields(users: UserRepository, collection: Users) -> None:
    user = confirm(users, register(users))
    planted = plant(collection, user, email_key=ADA.key, confirmed=True)
    assert users.reset_password(user, 7, "newer", LATER, Client(device=PHONE))
    check(collection, user, Cause.RESET, planted, raised={"factor_reset_version"})


def test_a_reset_of_an_unconfirmed_account_clears_the_declared_fields(
    users: UserRepository, collection: Users
) -> None:
    """It also confirms the account, and keeps every other field."""
    user = register(users)
    planted = plant(collection, user, email_key=ADA.key, confirmed=False)
    assert users.reset_password(user, 7, "newer", LATER, Client(device=PHONE))
    after = stored(collection, user)
    assert (after["confirmed"], after["confirmed_on"]) == (True, LATER)
    planted |= {"confirmed": True, "confirmed_on": LATER}
    raised = {"factor_reset_version"}
    check(collection, user, Cause.UNCONFIRMED_RESET, planted, raised=raised)


def test_an_undo_clears_the_declared_fields(users: UserRepository, collection: Users) -> None:
    user = confirm(users, register(users))
    assert users.ask_email_change(user, BOB, NOW, HOME)
    user = found(users, user)
    assert user.pending_email
    assert users.change_email(user, user.pending_email, NOW, HOME, WEEK) is EmailChange.DONE
    user = found(users, user)
    (former,) = user.former_emails
    # An older former address stays; the restored one is no longer a former address.
    older = asdict(former) | {"version": former.version - 1, "email": PLANTED}
    both = [older, asdict(former)]
    codes = RecoveryCodes(NOW - HOUR, (PLANTED,))
    stored = {"made_on": codes.made_on, "hashes": [PLANTED]}
    guarded = {"former_emails": both, "factors_version": 0, "recovery_codes": stored}
    planted = plant(collection, user, email_key=BOB.key, confirmed=True, **guarded)
    user = replace(user, recovery_codes=codes)
    assert users.undo_email_change(user, former, LATER, HOME) is EmailChange.DONE
    planted["former_emails"] = [older]
    raised = {"email_version", "reset_version", "factors_version", "factor_reset_version"}
    # tests/users/steps/test_change_email.py shows what an undo does to second factors.
    check(collection, user, Cause.UNDO, planted, raised=raised)
