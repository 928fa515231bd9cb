"""Accounts in MongoDB: one public method, one atomic command on one document.

A write carries its guard in its filter and reports what it found; nothing is read, changed in
Python and written back. Every method raises `pymongo.errors.PyMongoError` when the outcome is
unknown, and may then be repeated.
"""

from app.users.steps.administrators import Administrators
from app.users.steps.changing_email import ChangingEmail
from app.users.steps.leaving import Leaving
from app.users.steps.lookups import Lookups
from app.users.steps.passwords import Passwords
from app.users.steps.registering import Registering
from app.users.steps.signing_in import SigningIn


class UserRepository(
    Lookups, Registering, SigningIn, Passwords, ChangingEmail, Leaving, Administrators
):
    """The `users` collection as the steps of a person's journeys, each in a module of its own."""
