"""Makes accounts of the peer: `python -m bench.peer.people [--confirmed] [--links]`.

Reads local parts of addresses, one a line. Prints an account a line, as JSON: its `email`, the
`cookie` of a browser that is signed in, and, if asked for, the path of its confirmation `link`.
"""
# mypy: disable-error-code="import-not-found,import-untyped"

import argparse
import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, session
from flask_security import hash_password, naive_utcnow
from flask_security.confirmable import generate_confirmation_link
from flask_security.utils import login_user
from flask_wtf.csrf import generate_csrf

from bench.peer.app import create_app

_BROWSER = {"User-Agent": os.environ["PEER_BROWSER"]}


def main() -> None:
    """Makes them in one go, with one hash: it is the same password."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--confirmed", action="store_true")
    parser.add_argument("--links", action="store_true")
    chosen = parser.parse_args()
    app = create_app()
    security = app.extensions["security"]
    with app.app_context():
        if "sqlalchemy" in app.extensions:
            app.extensions["sqlalchemy"].create_all()
        password = hash_password(os.environ["PEER_PASSWORD"])
        confirmed_at = naive_utcnow() if chosen.confirmed else None
        made = [
            security.datastore.create_user(
                email=f"{name}@example.org", password=password, confirmed_at=confirmed_at
            )
            for name in sys.stdin.read().split()
        ]
        security.datastore.commit()
        for user in made:
            print(json.dumps(_person(app, user, links=chosen.links)), flush=True)


def _person(app: Flask, user: Any, *, links: bool) -> dict[str, str]:
    with app.test_request_context(headers=_BROWSER, environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        login_user(user)
        generate_csrf()
        signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        name = app.config["SESSION_COOKIE_NAME"]
        link = urlsplit(generate_confirmation_link(user)[0]).path if links else ""
        return {
            "email": user.email,
            "cookie": f"{name}={signer.dumps(dict(session))}",
            "link": link,
        }


if __name__ == "__main__":
    main()
