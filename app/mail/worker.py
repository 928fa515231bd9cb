"""The mail worker: it leases a letter, delivers it, settles it, and repeats. Any number of workers
may run at once.

Nothing wakes an idle worker: it asks the database every half second.
"""

from datetime import datetime, timedelta
from threading import Event

from flask import Flask
from pymongo.errors import PyMongoError

from app.mail import make_transport
from app.mail.delivery import Delivery, doubled, record
from app.mongo import deletion_records, is_outage, outbox, users
from app.users.clock import utcnow
from app.users.outbox import LeasedLetter

# How long a new letter may wait for an idle worker.
_POLL_SECONDS = 0.5
# While the queue is blocked, the pauses of a worker grow up to this, so that it soon notices a fix.
_LONGEST_PAUSE = timedelta(minutes=1)
_HOUSEKEEPING_EVERY, _REMIND_AHEAD = timedelta(minutes=1), timedelta(days=1)


class Worker:
    """Delivers the letters that are due.

    Args:
        app: the worker uses its database, its templates and its mail settings.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lease = timedelta(seconds=app.config["MAIL_LEASE"])
        self._transport = make_transport(app)
        self._delivery = Delivery(app, self._transport)
        # True if the last letter failed for a reason that would stop the next letter too.
        self._stuck = False
        # How many letters in a row were blocked, and the id of the last one.
        self._blocks, self._blocked_by = 0, ""
        self._housekeeping_on: datetime | None = None

    def run(self, stop: Event) -> None:
        """Works until `stop` is set, then finishes the current mail."""
        while not stop.is_set():
            try:
                self._do_housekeeping()
                idle = not self.deliver_one()
            except Exception as error:
                # One account that cannot be read must not stop the delivery to all others.
                if isinstance(error, PyMongoError) and is_outage(error):
                    self._app.logger.error("mail: MongoDB: %s", type(error).__name__)
                else:
                    self._app.logger.exception("mail: a letter could not be leased")
                idle = True
            if self._stuck:
                stop.wait(doubled(self._blocks, _LONGEST_PAUSE).total_seconds())
            elif idle:
                stop.wait(_POLL_SECONDS)
        self._transport.close()

    def run_once(self) -> bool:
        """Delivers the letters that are due now. Returns whether some letters must be tried
        later."""
        self._do_housekeeping()
        while self.deliver_one() and not self._stuck:
            pass
        self._transport.close()
        with self._app.app_context():
            return outbox.waiting(utcnow())

    def _do_housekeeping(self) -> None:
        """Once a minute, stores the reminders that must be sent and updates the deletion records.
        So no scheduler is needed."""
        now = utcnow()
        if self._housekeeping_on and now - self._housekeeping_on < _HOUSEKEEPING_EVERY:
            return
        self._housekeeping_on = now
        with self._app.app_context():
            while users.owe_reminder(now, _REMIND_AHEAD):
                pass
            deletion_records.record_expiring(now)
            deletion_records.review(now)

    def deliver_one(self) -> bool:
        """Leases and delivers one letter; False when none is due."""
        self._stuck = False
        with self._app.app_context():
            leased = outbox.lease(utcnow(), self._lease)
            if leased is None:
                return False
            if leased.overtaken:
                outbox.drop(leased)
                record(leased, "letter_dropped", "done", reason="overtaken")
            else:
                self._stuck = not self._delivery.deliver(leased)
                self._count_blocks(leased)
            return True

    def _count_blocks(self, leased: LeasedLetter) -> None:
        """Counts blocked letters in a row. The same letter counts once, because the server may
        refuse only this letter, and then the others must not wait longer."""
        if not self._stuck:
            self._blocks, self._blocked_by = 0, ""
        elif leased.letter.id != self._blocked_by:
            self._blocks, self._blocked_by = self._blocks + 1, leased.letter.id
