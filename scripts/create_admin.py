"""Makes a confirmed administrator; asks for what is missing.

The password is prompted for twice, or comes from ADMIN_PASSWORD, or is one line on standard input
when that is no terminal. It is never an argument, which other users of the machine could read.
Exit status: 0 done, 2 refused.
"""

import _root  # noqa: F401, I001 (first, so that app can be imported)
import argparse
import getpass
import os
import sys

from pymongo.errors import PyMongoError

from app import create_app
from app.clock import utcnow
from app.fields import address_words
from app.mongo import current_mongo, users
from app.users.addresses import Address, AddressError, parse_address
from app.users.indexes import is_mock
from app.users.passwords import hash_password, verify_password, weakness
from app.users.user import User


class Refused(Exception):
    """Not done; the message says why."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("email", nargs="?", metavar="EMAIL")
    parser.add_argument(
        "--promote", action="store_true", help="an existing account, which keeps its password"
    )
    arguments = parser.parse_args()
    app = create_app()
    try:
        with app.app_context():
            if is_mock(current_mongo().database):
                raise Refused("no MongoDB is running: `make run` starts one, or set MONGODB_URI.")
            address = parse_address(arguments.email or _ask("Email address: "))
            if arguments.promote:
                _promote(address)
            else:
                _create(address, app.config["APP_NAME"], app.config["BCRYPT_LOG_ROUNDS"])
    except (Refused, AddressError) as refusal:
        print(f"Refused: {refusal}", file=sys.stderr)
        return 2
    except PyMongoError as error:
        print(f"MongoDB: {error}", file=sys.stderr)
        return 1
    return 0


def _promote(address: Address) -> None:
    if not users.promote(address.key, utcnow()):
        raise Refused(f"there is no confirmed account of {address.typed}.")
    print(f"{address.typed} is an administrator now, with the password it had.")


def _create(address: Address, app_name: str, rounds: int) -> None:
    taken = f"{address.typed} has an account already; --promote makes it an administrator's."
    # Said before anybody types a password; the insert below is what decides.
    existing = users.find_by_email(address.key)
    if existing and not existing.confirmed:
        raise Refused(f"{address.typed} is being registered; once it is confirmed, --promote it.")
    if existing and not existing.admin:
        raise Refused(taken)
    password = _password()
    if existing:
        _recognise(existing, password)
        return
    problem = weakness(password, [app_name, *address_words(address.typed)])
    if problem:
        raise Refused(f"the password is too weak. {problem}")
    if not users.create_admin(address, hash_password(password, rounds), utcnow()):
        raise Refused(taken)
    print(f"{address.typed} is an administrator and can sign in.")


def _recognise(existing: User, password: str) -> None:
    """An earlier run whose answer was lost has done what this one is asked to."""
    if not verify_password(password, existing.password_hash):
        raise Refused(f"{existing.email} is an administrator already, with another password.")
    print(f"{existing.email} is an administrator already and can sign in.")


def _password() -> str:
    given = os.environ.get("ADMIN_PASSWORD")
    if given:
        return given
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Password again: ") != password:
        raise Refused("the two passwords are not the same.")
    return password


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise Refused("no address was given.")
    return input(prompt)


if __name__ == "__main__":
    sys.exit(main())
