"""The repository is a whole `UserStore`."""

import inspect

from app.users.repository import UserRepository
from app.users.store import UserStore


def public(of: object) -> set[str]:
    return {name for name in dir(of) if not name.startswith("_")}


def test_the_repository_has_every_method_of_a_store_and_no_other(users: UserRepository) -> None:
    assert public(users) == public(UserStore)


def test_each_method_has_the_signature_of_the_store(users: UserRepository) -> None:
    """Names, order, defaults and types of the parameters, and the type of the answer."""
    for name in public(UserStore):
        promised = inspect.signature(getattr(UserStore, name))
        parameters = list(promised.parameters.values())[1:]  # without self
        expected = promised.replace(parameters=parameters)
        assert inspect.signature(getattr(users, name)) == expected, name
