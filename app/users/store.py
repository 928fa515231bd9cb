"""`UserStore`: what a store of accounts must do. Read this to write a second one.

Each method is one atomic command on one account, unless it says otherwise. A write carries its
guard and reports what it found; nothing is read, changed in Python and written back. Every method
raises `pymongo.errors.PyMongoError` when the outcome is unknown, and may then be repeated.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from bson import ObjectId

from app.users.addresses import Address
from app.users.client import Client
from app.users.documents import Document
from app.users.events import ActivityEntry
from app.users.last_admin_guard import GuardResult
from app.users.letters import LetterKind
from app.users.login_session import LoginSession
from app.users.second_factors import FactorUse, Passkey, Totp
from app.users.steps.change_email import EmailChange
from app.users.user import FormerEmail, PendingEmail, User


class UserStore(Protocol):
    """The accounts. `by` is the id of the administrator who acts."""

    # Looking up

    def find(self, user_id: ObjectId) -> User | None:
        """The account with this id. The rest of a deleted account is not found."""

    def find_by_email(self, email_key: str) -> User | None:
        """The account of that address, confirmed or not."""

    def find_by_session(self, user_id: ObjectId, session_id: str) -> User | None:
        """The account that is signed in with this session, unless it is disabled."""

    def find_by_passkey(self, credential_id: str) -> User | None:
        """The account with this passkey."""

    def activity(self, user: User) -> list[ActivityEntry]:
        """What happened on the account, newest first."""

    # Registering and confirming

    def register(
        self,
        address: Address,
        password_hash: str,
        session: LoginSession,
        unconfirmed_for: timedelta,
        profile: Mapping[str, Any] | None = None,
    ) -> User | None:
        """Makes an account, or lets this newest claim take over an unconfirmed one.

        A takeover ends the sessions, the links and the planted fields of the earlier claim. So the
        person who confirms has the password of the claim that is confirmed. Returns None when a
        confirmed account has the address. `profile` has values of editable fields; any other field
        is a ValueError.
        """

    def owe_account_exists(self, email_key: str, now: datetime, pause: timedelta) -> bool:
        """Owes the owner of a confirmed account a letter about an attempt to register its address;
        False when one was owed less than `pause` ago or has not left yet."""

    def resend(self, user: User, now: datetime, cooldown: timedelta, *events: Document) -> bool:
        """Owes a new confirmation letter and makes earlier links worthless; False when the last one
        is younger than `cooldown` or another step came first. `events` are stored with it."""

    def owe_reminder(self, now: datetime, ahead: timedelta) -> bool:
        """Owes one account that expires within `ahead` a last mail with a new link; False when
        there is no such account left. Skips addresses that the mail server has refused."""

    def take_code_try(self, user: User) -> bool:
        """Counts a try before the code is compared, so that simultaneous requests get no extra
        tries; False when no try is left or a newer mail was asked for."""

    def confirm(
        self,
        user: User,
        version: int,
        now: datetime,
        client: Client,
        session: LoginSession | None = None,
    ) -> bool:
        """Confirms the address if `version`, from the link, is still the account's; adds `session`
        for a person who was signed out and gave the password. False when a newer mail, a newer
        claim or another confirmation came first."""

    def start_over(self, user: User, session_id: str, now: datetime) -> bool:
        """Deletes an unconfirmed account in which this session is signed in. Writes a deletion
        record first."""

    def disown(self, user_id: ObjectId, email_key: str, version: int, now: datetime) -> bool:
        """Deletes an unconfirmed account by its mailed link; False when it was confirmed or claimed
        again since the mail. Writes a deletion record first."""

    # Signing in and sessions

    def sign_in(
        self,
        user: User,
        session: LoginSession,
        stronger_hash: str | None = None,
        use: FactorUse | None = None,
        trust_until: datetime | None = None,
    ) -> bool:
        """Adds a session if the account still has the password that was checked, and stores a
        stronger hash when the cost has gone up. Owes the owner a letter about an unknown browser.

        `use` is the second factor that was used, which counts only once. `trust_until` lets this
        browser skip the second step until then. False when the account or its factors were changed
        since it was looked up, or the use has counted already.
        """

    def refuse_sign_in(self, user_id: ObjectId, now: datetime, client: Client) -> None:
        """Counts a wrong password. Costs the same for an id that matches no account."""

    def sign_out(self, user_id: ObjectId, session_id: str) -> None:
        """Ends a session, so that a copied cookie is dead from now on (ASVS 7.4.1)."""

    def touch(self, user_id: ObjectId, session_id: str, now: datetime) -> None:
        """Stores that a session was seen. Its idle lifetime counts from then."""

    def end_session(self, user: User, session_id: str, now: datetime, client: Client) -> None:
        """Ends one session from another one."""

    def end_other_sessions(
        self, user: User, session_id: str, now: datetime, client: Client
    ) -> None:
        """Ends every session except this one."""

    def end_all_sessions(self, user: User, now: datetime, client: Client, by: str) -> bool:
        """Ends every session; False when the account is gone."""

    # Second factors

    def prove(
        self,
        user: User,
        session_id: str,
        now: datetime,
        client: Client,
        use: FactorUse | None = None,
    ) -> bool:
        """Stores in the session that the person has just proved who they are: with `use`, which
        counts only once, else with the password. False when the session, the password or the
        factor has changed, or the use has counted already."""

    def add_totp(
        self,
        user: User,
        totp: Totp,
        session_id: str,
        now: datetime,
        client: Client,
        code_hashes: Sequence[str] = (),
    ) -> bool:
        """Adds the authenticator app; with `code_hashes`, the first recovery codes too. It counts
        as a proof in the session. False when the account is unconfirmed, has an app already, or its
        factors were changed meanwhile."""

    def remove_totp(self, user: User, now: datetime, client: Client) -> bool:
        """Removes the authenticator app, and the recovery codes with the last factor; False when
        the factors were changed meanwhile."""

    def add_passkey(
        self,
        user: User,
        passkey: Passkey,
        session_id: str,
        now: datetime,
        client: Client,
        code_hashes: Sequence[str] = (),
    ) -> bool:
        """Adds a passkey; otherwise like `add_totp`. False also when there are twenty, or when this
        or another account has the same one."""

    def rename_passkey(self, user: User, passkey: Passkey, name: str) -> bool:
        """Gives a passkey another name; False when it is gone."""

    def remove_passkey(self, user: User, passkey: Passkey, now: datetime, client: Client) -> bool:
        """Removes a passkey, and the recovery codes with the last factor; False when the factors
        were changed meanwhile."""

    def report_cloned_passkey(
        self, user: User, passkey: Passkey, now: datetime, client: Client
    ) -> None:
        """Owes the owner a letter about a signature counter that went backwards, which a copy of
        the security key may have caused. Nothing happens while such a letter waits."""

    def dismiss_passkey_offer(self, user: User) -> None:
        """Stores that the person does not want to be offered a passkey."""

    def make_recovery_codes(
        self, user: User, code_hashes: Sequence[str], now: datetime, client: Client
    ) -> bool:
        """Replaces all recovery codes; False when the factors were changed meanwhile."""

    def end_trust(self, user: User, device: str) -> bool:
        """Asks this browser for the second step again; False when it was not trusted."""

    def remove_factors(self, user: User, now: datetime, client: Client, by: str) -> bool:
        """Removes every second factor for an administrator, and tells the owner; False when the
        factors were changed meanwhile."""

    def ask_factor_reset(self, user: User, now: datetime, client: Client) -> bool:
        """Owes the link that starts a reset of the second factors; earlier links die. False when
        one waits already, or the password or the factors have changed."""

    def start_factor_reset(
        self, user: User, version: int, now: datetime, delay: timedelta, client: Client
    ) -> bool:
        """Starts the wait, and owes a letter about it at once and for each day, and the last one
        with the link that finishes it. False when the link is no longer the newest."""

    def keep_factors(self, user: User, now: datetime, client: Client) -> bool:
        """Cancels a reset that waits; False when it is gone."""

    def finish_factor_reset(self, user: User, now: datetime, client: Client) -> bool:
        """Removes every second factor after the wait, and ends all sessions; False before the end
        of the wait, and when the reset was cancelled or the password changed."""

    # What the person fills in

    def set_profile(self, user: User, session_id: str, profile: Mapping[str, Any]) -> bool:
        """Stores values of editable fields; any other field is a ValueError. False when the session
        has ended."""

    # Passwords

    def ask_reset(self, email_key: str, now: datetime, client: Client, *events: Document) -> bool:
        """Owes a reset letter to the account of an address, and makes earlier reset links
        worthless; False when there is no account or a letter has not left yet. Pages must not show
        which."""

    def reset_password(
        self,
        user: User,
        version: int,
        password_hash: str,
        now: datetime,
        client: Client,
        browser_key: str = "",
    ) -> bool:
        """Sets a new password by a reset link, ends every session and every other link, and
        confirms the address. `browser_key` recognises a repeated form, see `ResetDone`. False when
        the link was used, replaced or made void meanwhile."""

    def change_password(
        self, user: User, password_hash: str, session: LoginSession, now: datetime
    ) -> bool:
        """Sets a new password and ends all sessions; `session` replaces them. Other browsers are
        unknown from then on. False when the account no longer has the password that was checked."""

    # Changing the address

    def ask_email_change(self, user: User, address: Address, now: datetime, client: Client) -> bool:
        """Stores a pending address, owes a link to it and a notice to the present address. A
        pending address cannot sign in, gets no reset mails and is not reserved. False when the
        account no longer has the password that was checked."""

    def cancel_email_change(self, user: User, now: datetime, client: Client) -> bool:
        """Ends a pending change and its link; False when none was pending."""

    def change_email(
        self,
        user: User,
        pending: PendingEmail,
        now: datetime,
        client: Client,
        undo_for: timedelta,
    ) -> EmailChange:
        """Makes the pending address the account's, and owes the old one an undo link that lives for
        `undo_for`. Deletes somebody else's unconfirmed account of that address first (a second
        command)."""

    def undo_email_change(
        self, user: User, former: FormerEmail, now: datetime, client: Client
    ) -> EmailChange:
        """Puts a former address back. Every session ends and no password works, because a thief had
        both; only the reset link that is owed to the restored address opens the account."""

    # Export and deletion

    def export(self, user: User, now: datetime, client: Client) -> dict[str, Any]:
        """Every field that is declared as exported; stores that it was downloaded."""

    def delete(
        self,
        user: User,
        now: datetime,
        client: Client,
        kind: LetterKind = LetterKind.ACCOUNT_DELETED,
        by: str = "self",
    ) -> GuardResult:
        """Replaces the account by one owed letter, the goodbye; the address is free at once. A
        deletion record is written first. CHANGED when the account no longer has the password that
        was checked."""

    # Administration

    def create_admin(self, address: Address, password_hash: str, now: datetime) -> bool:
        """Makes a confirmed administrator; False when the address has an account."""

    def grant(self, user: User, now: datetime, client: Client, by: str) -> bool:
        """Makes a confirmed account an administrator; False when it is unconfirmed, disabled or was
        changed meanwhile. A second command updates the last-admin guard."""

    def withdraw(self, user: User, now: datetime, client: Client, by: str) -> GuardResult:
        """Makes an administrator an ordinary account from the next request on. The last-admin guard
        runs first."""

    def disable(self, user: User, now: datetime, client: Client, by: str) -> GuardResult:
        """Ends every session and lets nobody sign in. The last-admin guard runs first."""

    def enable(self, user: User, now: datetime, client: Client, by: str) -> bool:
        """Lets the owner sign in again; False when it was not disabled or was changed meanwhile.
        For an administrator a second command updates the last-admin guard."""
