"""The mail worker: lease a letter, deliver it, settle it, repeat. Any number may run at once.

Nothing wakes an idle worker: it asks the database every half second.
"""

import random
from datetime import datetime, timedelta
from threading import Event

from flask import Flask
from pymongo.errors import PyMongoError

from app.mail import make_transport
from app.mail.message import render
from app.mail.transport import Blocked, Later, Never, Unreachable
from app.mongo import deletion_records, is_outage, outbox, users
from app.observability import audit_log
from app.users.clock import utcnow
from app.users.outbox import LeasedLetter

# How long a new letter may wait for an idle worker.
_POLL_SECONDS = 0.5
_FIRST_RETRY, _LONGEST_RETRY = timedelta(seconds=5), timedelta(minutes=5)
_GIVE_UP_AFTER = timedelta(days=3)
_HOUSEKEEPING_EVERY, _REMIND_AHEAD = timedelta(minutes=1), timedelta(days=1)
# The mail server's words are shown on pages, so they are cut.
_WORDS_LENGTH = 300


class Worker:
    """Delivers the letters that are due.

    Args:
        app: the worker uses its database, its templates and its mail settings.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lease = timedelta(seconds=app.config["MAIL_LEASE"])
        self._transport = make_transport(app)
        # Whether the last letter failed for a reason that stops the next one too.
        self._stuck = False
        self._housekeeping_on: datetime | None = None

    def run(self, stop: Event) -> None:
        """Works until `stop` is set; finishes the current mail."""
        while not stop.is_set():
            try:
                self._do_housekeeping()
                idle = not self.deliver_one()
            except Exception as error:
                # One account that cannot be read must not end the delivery of all others.
                if isinstance(error, PyMongoError) and is_outage(error):
                    self._app.logger.error("mail: MongoDB: %s", type(error).__name__)
                else:
                    self._app.logger.exception("mail: a letter could not be leased")
                idle = True
            if self._stuck:
                stop.wait(_FIRST_RETRY.total_seconds())
            elif idle:
                stop.wait(_POLL_SECONDS)
        self._transport.close()

    def run_once(self) -> bool:
        """Delivers the letters that are due now; returns whether others are left to try later."""
        self._do_housekeeping()
        while self.deliver_one() and not self._stuck:
            pass
        self._transport.close()
        with self._app.app_context():
            return outbox.waiting()

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
                _record(leased, "letter_dropped", "done", reason="overtaken")
            else:
                self._deliver(leased)
            return True

    def _deliver(self, leased: LeasedLetter) -> None:
        log, letter = self._app.logger, leased.letter
        try:
            self._transport.send(render(leased))
        except Never as error:
            words = str(error)[:_WORDS_LENGTH]
            outbox.refuse(leased, words)
            _record(leased, "letter_refused", "refused", reason="for_good", trouble=words)
        except (Later, Blocked) as error:
            self._stuck = isinstance(error, (Blocked, Unreachable))
            self._postpone(leased, str(error)[:_WORDS_LENGTH], blocked=isinstance(error, Blocked))
        except Exception:
            # A letter that cannot be rendered must not stop the other letters.
            log.exception("mail: letter %s could not be written", letter.id)
            self._postpone(leased, "could not be written, see the log", blocked=False)
        else:
            still_leased = outbox.settle(leased, utcnow())
            _record(leased, "letter_sent", "done")
            if not still_leased:
                log.warning("mail: letter %s was sent after its lease was lost", letter.id)

    def _postpone(self, leased: LeasedLetter, trouble: str, *, blocked: bool) -> None:
        letter, now = leased.letter, utcnow()
        if not blocked and now - letter.owed_on > _GIVE_UP_AFTER:
            outbox.refuse(leased, trouble)
            _record(leased, "letter_refused", "refused", reason="given_up", trouble=trouble)
            return
        outbox.postpone(leased, _next_try(letter.attempts, now), trouble, blocked=blocked)
        if blocked:
            _record(leased, "letter_blocked", "failed", trouble=trouble)
        else:
            _record(leased, "letter_postponed", "refused", trouble=trouble)


def _record(leased: LeasedLetter, event: str, outcome: audit_log.Outcome, **details: str) -> None:
    """Records one try: the letter, the account, and the mail server's words."""
    letter = leased.letter
    audit_log.record(
        event,
        outcome=outcome,
        account=leased.user.id,
        letter=letter.id,
        kind=str(letter.kind),
        attempts=letter.attempts,
        **details,
    )


def _next_try(attempts: int, now: datetime) -> datetime:
    """The pause doubles from 5 s to 5 minutes. It is spread at random, so that a backlog is not
    retried all at once."""
    pause = min(_FIRST_RETRY * (1 << min(attempts - 1, 16)), _LONGEST_RETRY)
    spread: float = random.uniform(0.8, 1.2)  # noqa: S311 (spread, not a secret)
    return now + pause * spread
