"""Renews the lease of a letter while the mail server is slow."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

from flask import Flask
from pymongo.errors import PyMongoError

from app.mongo import outbox
from app.users.clock import utcnow
from app.users.outbox import LeasedLetter


@contextmanager
def lease_kept(app: Flask, leased: LeasedLetter, lease: timedelta) -> Iterator[None]:
    """A thread extends the lease until the block ends, so that no other worker takes the letter.
    If the process dies or hangs, the lease expires."""
    over = Event()

    def keep() -> None:
        while not over.wait(lease.total_seconds() / 3):
            try:
                with app.app_context():
                    outbox.extend(leased, utcnow() + lease)
            except PyMongoError as error:
                app.logger.error("mail: MongoDB: %s", type(error).__name__)

    keeper = Thread(target=keep, name="lease keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
