"""Signing in with a passkey alone, which replaces the password too."""

from app.flows.factors import PasskeyRefused, check_passkey, refuse_passkey
from app.flows.results import ChangedElsewhere, Limited
from app.flows.sign_in import AccountDisabled, SignedIn, record_refusal
from app.mongo import users
from app.security import rate_limits
from app.security.login_sessions import new_session
from app.security.passkeys import Challenge, PasskeyRefusal, credential_id
from app.users.client import Client


def sign_in_with_passkey(
    credential: str, challenge: Challenge | None, client: Client, *, remember: bool
) -> SignedIn | PasskeyRefused | AccountDisabled | ChangedElsewhere | Limited:
    """Signs in with a passkey that has verified its user, so that it counts as two factors.

    Only the client is limited: anybody may send any answer, and must not use up the attempts of an
    account.
    """
    if limited := rate_limits.check(rate_limits.by_client("passkey", client)):
        return limited
    found_id = credential_id(credential)
    user = users.find_by_passkey(found_id) if found_id else None
    if user is None:
        why = PasskeyRefusal.UNKNOWN if found_id else PasskeyRefusal.MALFORMED
        return refuse_passkey(None, why)
    use = check_passkey(user, credential, challenge, client, identified=False)
    if isinstance(use, PasskeyRefused):
        return use
    if not use.user_verified:
        return refuse_passkey(user, PasskeyRefusal.NOT_VERIFIED)
    if user.disabled_on:
        record_refusal("disabled", user)
        return AccountDisabled()
    session = new_session(client, remember=remember, second_factor=True)
    done = users.sign_in(user, session, use=use)
    return SignedIn(user, session) if done else ChangedElsewhere()
