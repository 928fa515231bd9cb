"""Events, sessions and letters in words, for lists on pages.

A kind that only a newer version knows is shown by its name.
"""

from app.mail.contents import KINDS
from app.users.events import ActivityEntry, EventKind
from app.users.login_session import LoginSession
from app.users.second_factors import TrustedBrowser
from app.web.humanize import browser_name

SENTENCES: dict[str, str] = {
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
    EventKind.TOTP_ADDED: "An authenticator app was added",
    EventKind.TOTP_REMOVED: "The authenticator app was removed",
    EventKind.PASSKEY_ADDED: "A passkey was added",
    EventKind.PASSKEY_REMOVED: "A passkey was removed",
    EventKind.PASSKEY_CLONED: "A passkey was refused, because there may be a copy of it",
    EventKind.RECOVERY_CODES_MADE: "New recovery codes were made",
    EventKind.RECOVERY_CODE_USED: "A recovery code was used",
    EventKind.FACTOR_RESET_ASKED: "A link to remove the second factors was asked for",
    EventKind.FACTOR_RESET_STARTED: "The wait to remove the second factors began",
    EventKind.FACTOR_RESET_CANCELLED: "The removal of the second factors was cancelled",
    EventKind.FACTORS_REMOVED: "The second factors were removed",
    EventKind.ADMIN_GRANTED: "The account became an administrator",
    EventKind.ADMIN_WITHDRAWN: "The account stopped being an administrator",
}


def activity_line(entry: ActivityEntry, *, owner: str = "you") -> dict[str, object]:
    """An entry of the activity.

    Args:
        owner: the word that the page uses for the owner of the account.
    """
    sentence = SENTENCES.get(entry.kind) or _by_name(entry.kind)
    # Any other value of `by` is the id of an administrator's account.
    by = owner if entry.by == "self" else "an administrator" if entry.by else ""
    return {
        "sentence": f"{sentence} ({entry.count} times)" if entry.count > 1 else sentence,
        "at": entry.at,
        "by": by,
        "words": browser_name(entry.browser),
        "address": entry.address,
    }


def session_line(session: LoginSession) -> dict[str, object]:
    """An entry of the list of sessions."""
    return {
        "words": session.name or browser_name(session.browser) or "Unknown browser",
        "address": session.address,
        "signed_in_on": session.signed_in_on,
        "seen_on": session.seen_on,
    }


def trust_line(browser: TrustedBrowser) -> dict[str, object]:
    """An entry of the list of trusted browsers."""
    return {
        "words": browser_name(browser.browser) or "Unknown browser",
        "address": browser.address,
        "trusted_on": browser.trusted_on,
        "expires_on": browser.expires_on,
        "handle": browser.handle,
    }


def letter_label(kind: str) -> str:
    """The name of a kind of letter."""
    known = KINDS.get(kind)
    return known.label if known else _by_name(kind)


def _by_name(kind: str) -> str:
    return kind.replace("_", " ").capitalize()
