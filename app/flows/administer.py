"""What an administrator does to somebody else's account."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.flows.results import LastAdministrator
from app.mongo import decoys, users
from app.users.client import Client
from app.users.clock import utcnow
from app.users.events import EventKind
from app.users.last_admin_guard import GuardResult
from app.users.letters import LetterKind
from app.users.steps.updates import event
from app.users.user import User


class Action(StrEnum):
    """What an administrator can do. The value is the end of the page's path."""

    RESEND = "resend"
    RESET = "reset"
    END_SESSIONS = "sessions"
    REMOVE_FACTORS = "factors"
    GRANT = "grant"
    WITHDRAW = "withdraw"
    DISABLE = "disable"
    ENABLE = "enable"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Done:
    """The action has taken effect."""


@dataclass(frozen=True, slots=True)
class NotPossible:
    """The account is not in the state that the action needs."""


@dataclass(frozen=True, slots=True)
class NothingDone:
    """The account was changed meanwhile, or the same mail is waiting already."""


def possible_actions(user: User) -> list[Action]:
    """What can be done in the present state of the account."""
    return [action for action in Action if _is_possible(action, user)]


def administer(
    action: Action, user: User, by: str, client: Client
) -> Done | NotPossible | LastAdministrator | NothingDone:
    """Does one action; `by` is the administrator's id."""
    if not _is_possible(action, user):
        return NotPossible()
    match _do(action, user, by, client):
        case True | GuardResult.DONE:
            return Done()
        case GuardResult.LAST_ADMIN:
            return LastAdministrator()
        case False | GuardResult.CHANGED:
            return NothingDone()


def _is_possible(action: Action, user: User) -> bool:
    match action:
        case Action.RESEND:
            return not user.confirmed
        case Action.RESET | Action.DELETE:
            return True
        case Action.END_SESSIONS:
            return bool(user.sessions)
        case Action.REMOVE_FACTORS:
            return user.has_second_factor
        case Action.GRANT:
            return user.confirmed and not user.admin and not user.disabled_on
        case Action.WITHDRAW:
            return user.admin
        case Action.DISABLE:
            return not user.disabled_on
        case Action.ENABLE:
            return bool(user.disabled_on)


def _do(action: Action, user: User, by: str, client: Client) -> bool | GuardResult:
    now = utcnow()
    match action:
        case Action.RESEND:
            # Without the cooldown, since the person has asked the administrator for help.
            sent = event(EventKind.CONFIRMATION_SENT, now, client, by)
            return users.resend(user, now, timedelta(0), sent)
        case Action.RESET:
            sent = event(EventKind.RESET_SENT, now, client, by)
            return users.ask_reset(user.email_key, now, client, sent)
        case Action.END_SESSIONS:
            return users.end_all_sessions(user, now, client, by)
        case Action.REMOVE_FACTORS:
            return users.remove_factors(user, now, client, by)
        case Action.GRANT:
            return users.grant(user, now, client, by)
        case Action.WITHDRAW:
            return users.withdraw(user, now, client, by)
        case Action.DISABLE:
            return users.disable(user, now, client, by)
        case Action.ENABLE:
            decoys.forget(user.email_key)
            return users.enable(user, now, client, by)
        case Action.DELETE:
            decoys.forget(user.email_key)
            return users.delete(user, now, Client(), LetterKind.ACCOUNT_REMOVED, by=by)
