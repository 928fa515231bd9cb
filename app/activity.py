"""What happened on an account, and where it is signed in, in words."""

from app.phrases import browser
from app.users.user import Event, EventKind, Session

_SENTENCES = {
    EventKind.REGISTERED: "The account was registered",
    EventKind.CONFIRMED: "The address was confirmed",
    EventKind.SIGNED_IN: "Signed in",
    EventKind.SIGN_IN_REFUSED: "Sign-in refused, wrong password",
    EventKind.PASSWORD_CHANGED: "The password was changed",
    EventKind.RESET_ASKED: "A link to choose a new password was asked for",
    EventKind.PASSWORD_RESET: "A new password was chosen through a mailed link",
    EventKind.EMAIL_CHANGE_ASKED: "A change of address was asked for",
    EventKind.EMAIL_CHANGE_CANCELLED: "The change of address was cancelled",
    EventKind.EMAIL_CHANGED: "The address was changed",
    EventKind.EMAIL_UNDONE: "The former address was restored",
    EventKind.SESSIONS_ENDED: "Sessions were ended",
    EventKind.EXPORTED: "The account's data was downloaded",
    EventKind.CONFIRMATION_SENT: "A new mail to confirm the address was sent",
    EventKind.RESET_SENT: "A link to choose a new password was sent",
    EventKind.DISABLED: "The account was disabled",
    EventKind.ENABLED: "The account was enabled",
    EventKind.ADMIN_GRANTED: "The account was made an administrator's",
    EventKind.ADMIN_WITHDRAWN: "The account was an administrator's no longer",
}


def line(event: Event, *, owner: str = "you") -> dict[str, object]:
    """For a list of events.

    Args:
        owner: what the reader calls whoever has the account.
    """
    sentence = _SENTENCES.get(EventKind(event.kind), event.kind)
    # Anybody else who is named is an administrator, by the id of the account.
    by = owner if event.by == "self" else "an administrator" if event.by else ""
    return {
        "sentence": f"{sentence} ({event.count} times)" if event.count > 1 else sentence,
        "at": event.at,
        "by": by,
        "words": browser(event.browser),
        "address": event.address,
    }


def place(session: Session) -> dict[str, object]:
    """For a list of the browsers that are signed in."""
    return {
        "words": browser(session.browser) or "Unknown browser",
        "address": session.address,
        "signed_in_on": session.signed_in_on,
        "seen_on": session.seen_on,
    }
