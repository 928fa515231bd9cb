"""`UserRepository`: the accounts in MongoDB."""

from pymongo.collection import Collection

from app.users.documents import Document
from app.users.events import Listener, ignore
from app.users.steps.accounts import Accounts
from app.users.steps.administer import Administer
from app.users.steps.change_email import ChangeEmail
from app.users.steps.change_password import ChangePassword
from app.users.steps.confirm import Confirm
from app.users.steps.create_admin import CreateAdmin
from app.users.steps.delete import Delete
from app.users.steps.disown import Disown
from app.users.steps.export import Export
from app.users.steps.factor_reset import FactorReset
from app.users.steps.lookups import Lookups
from app.users.steps.profile import Profile
from app.users.steps.prove import Prove
from app.users.steps.register import Register
from app.users.steps.resend import Resend
from app.users.steps.reset import Reset
from app.users.steps.second_factors import SecondFactors
from app.users.steps.sessions import Sessions
from app.users.steps.sign_in import SignIn
from app.users.steps.sign_out import SignOut
from app.users.steps.start_over import StartOver


class UserRepository:
    """The accounts in the collection `users`. It implements `UserStore`, which says what each
    method does.

    The steps of each journey are in a module of their own, in `users/steps/`.

    Args:
        users: the collection, with majority write concern on a real server.
        listener: is called with each event, after the write.
    """

    def __init__(self, users: Collection[Document], listener: Listener = ignore) -> None:
        accounts = Accounts(users, listener)

        lookups = Lookups(accounts)
        self.find = lookups.find
        self.find_by_email = lookups.find_by_email
        self.find_by_session = lookups.find_by_session
        self.find_by_passkey = lookups.find_by_passkey
        self.activity = lookups.activity

        register, resend = Register(accounts), Resend(accounts)
        self.register = register.register
        self.owe_account_exists = register.owe_account_exists
        self.resend = resend.resend
        self.owe_reminder = resend.owe_reminder

        confirm = Confirm(accounts)
        self.take_code_try = confirm.take_code_try
        self.confirm = confirm.confirm
        self.start_over = StartOver(accounts).start_over
        self.disown = Disown(accounts).disown

        sign_in, sessions = SignIn(accounts), Sessions(accounts)
        self.sign_in = sign_in.sign_in
        self.refuse_sign_in = sign_in.refuse_sign_in
        self.sign_out = SignOut(accounts).sign_out
        self.touch = sessions.touch
        self.end_session = sessions.end_session
        self.end_other_sessions = sessions.end_other_sessions
        self.end_all_sessions = sessions.end_all_sessions

        self.prove = Prove(accounts).prove
        factors, factor_reset = SecondFactors(accounts), FactorReset(accounts)
        self.add_totp = factors.add_totp
        self.remove_totp = factors.remove_totp
        self.add_passkey = factors.add_passkey
        self.rename_passkey = factors.rename_passkey
        self.remove_passkey = factors.remove_passkey
        self.report_cloned_passkey = factors.report_cloned_passkey
        self.dismiss_passkey_offer = factors.dismiss_passkey_offer
        self.make_recovery_codes = factors.make_recovery_codes
        self.end_trust = factors.end_trust
        self.remove_factors = factors.remove_factors
        self.ask_factor_reset = factor_reset.ask_factor_reset
        self.start_factor_reset = factor_reset.start_factor_reset
        self.keep_factors = factor_reset.keep_factors
        self.finish_factor_reset = factor_reset.finish_factor_reset

        reset = Reset(accounts)
        self.ask_reset = reset.ask_reset
        self.reset_password = reset.reset_password
        self.change_password = ChangePassword(accounts).change_password

        change_email = ChangeEmail(accounts)
        self.ask_email_change = change_email.ask_email_change
        self.cancel_email_change = change_email.cancel_email_change
        self.change_email = change_email.change_email
        self.undo_email_change = change_email.undo_email_change

        self.set_profile = Profile(accounts).set_profile
        self.export = Export(accounts).export
        self.delete = Delete(accounts).delete

        administer = Administer(accounts)
        self.create_admin = CreateAdmin(accounts).create_admin
        self.grant = administer.grant
        self.withdraw = administer.withdraw
        self.disable = administer.disable
        self.enable = administer.enable
