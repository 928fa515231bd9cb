"""Makes a confirmed administrator; asks for what is missing.

The password comes from ADMIN_PASSWORD or the file that ADMIN_PASSWORD_FILE names, from a prompt
(asked twice), or from one line of standard input if that is no terminal. It cannot be an argument,
which other users of the machine could read.
Exit status: 0 done, 2 refused.
"""

import _root  # noqa: F401, I001 (first, so that app can be imported)
import argparse
import getpass
import os
import sys

from pymongo.errors import PyMongoError

from app import create_app
from app.flows import create_admin as flow
from app.flows.create_admin import (
    AddressInUse,
    AdminCreated,
    AlreadyAdministrator,
    Existing,
    NotConfirmed,
    Promoted,
)
from app.flows.results import WeakPassword
from app.mongo import current_mongo
from app.users.addresses import Address, AddressError, parse_address
from app.users.backends import backend_of
from app.web.fields import address_sentence, weakness_sentence
from settings.environment import Environment


class Refused(Exception):
    """Nothing was done; the message says why."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("email", nargs="?", metavar="EMAIL")
    parser.add_argument(
        "--promote",
        action="store_true",
        help="use an existing account and keep its password",
    )
    arguments = parser.parse_args()
    app = create_app()
    try:
        with app.app_context():
            if backend_of(current_mongo().database).in_memory:
                raise Refused("no MongoDB is running: `make run` starts one, or set MONGODB_URI.")
            address = parse_address(arguments.email or _ask("Email address: "))
            if arguments.promote:
                _promote(address)
            else:
                _create(address)
            if app.config["REQUIRE_SECOND_FACTOR"] != "nobody":
                print("The pages for administrators will ask for a second factor: an authenticator")
                print("app or a passkey. It is set up after signing in, on the page Security.")
    except AddressError as error:
        print(f"Refused: {address_sentence(error)}", file=sys.stderr)
        return 2
    except Refused as refusal:
        print(f"Refused: {refusal}", file=sys.stderr)
        return 2
    except PyMongoError as error:
        print(f"MongoDB: {error}", file=sys.stderr)
        return 1
    return 0


def _promote(address: Address) -> None:
    match flow.promote(address):
        case Promoted():
            print(f"{address.typed} is an administrator now, with the same password as before.")
        case NotConfirmed():
            raise Refused(f"there is no confirmed account with the address {address.typed}.")


def _create(address: Address) -> None:
    taken = f"{address.typed} has an account already; make it an administrator with --promote."
    match flow.existing(address):
        case Existing.UNCONFIRMED:
            raise Refused(f"{address.typed} is not confirmed yet; use --promote when it is.")
        case Existing.CONFIRMED:
            raise Refused(taken)
        case Existing.NONE | Existing.ADMINISTRATOR:
            pass
    match flow.create_admin(address, _password()):
        case AdminCreated():
            print(f"{address.typed} is an administrator and can sign in.")
        case AlreadyAdministrator(same_password=True):
            print(f"{address.typed} is an administrator already and can sign in.")
        case AlreadyAdministrator():
            raise Refused(f"{address.typed} is an administrator already, with another password.")
        case WeakPassword(weakness=weakness):
            raise Refused(f"the password is too weak. {weakness_sentence(weakness)}")
        case AddressInUse():
            raise Refused(taken)


def _password() -> str:
    env = Environment(os.environ)
    given = env.password("ADMIN_PASSWORD")
    if env.problems:
        raise Refused(f"{env.problems[0]}.")
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
