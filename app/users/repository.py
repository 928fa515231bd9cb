"""Accounts in MongoDB: one public method, one atomic command on one document.

A write carries its guard in its filter and reports what it found; nothing is read, changed in
Python and written back. Every method raises `pymongo.errors.PyMongoError` when the outcome is
unknown, and may then be repeated.
"""

from app.users.steps.administrators import Administrators
from app.users.steps.changing_email import ChangingEmail
from app.users.steps.signing_in import SigningIn


class UserRepository(Administrators, SigningIn, ChangingEmail):
    """The `users` collection as the steps of a person's journeys, each in a module of its own.

    Administrators act through the steps of others: looking up, registering, passwords, leaving.
    """
