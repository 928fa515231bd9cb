"""Deleting an account that somebody else has registered: "I did not sign up"."""

from dataclasses import dataclass

from app.flows.opened_link import LinkRefused, open_again, open_link, refuse
from app.mongo import users
from app.users.clock import utcnow
from app.users.link_outcomes import LinkOutcome, judge_confirmation
from app.users.links import Purpose


@dataclass(frozen=True, slots=True)
class Disowned:
    """The account is deleted."""


def disown(token: str) -> Disowned | LinkRefused:
    """Deletes the account that a confirmation link names. It does not matter who is signed in."""
    opened = open_link(Purpose.CONFIRM, token, viewer=None)
    link, user = opened.link, opened.user
    outcome = judge_confirmation(link, user, None)
    if user is None or outcome is not LinkOutcome.READY:
        return refuse(opened, outcome)
    if users.disown(user.id, link.email_key, link.version, utcnow()):
        return Disowned()
    opened = open_again(opened)
    return refuse(opened, judge_confirmation(link, opened.user, None))
