"""The mail worker: claim, deliver, settle, repeat. Any number may run at once."""

import random
from datetime import datetime, timedelta
from threading import Event

from flask import Flask
from pymongo.errors import PyMongoError

from app import journal
from app.clock import utcnow
from app.mail import make_transport
from app.mail.message import render
from app.mail.transport import Blocked, Later, Never, Unreachable
from app.mongo import departed, outbox, users
from app.users.outbox import Claim

# How long a new letter may wait to be seen by an idle worker.
_POLL_SECONDS = 0.5
_FIRST_RETRY, _LONGEST_RETRY = timedelta(seconds=5), timedelta(minutes=5)
_GIVE_UP_AFTER = timedelta(days=3)
_KEEP_HOUSE_EVERY, _REMIND_AHEAD = timedelta(minutes=1), timedelta(days=1)
# Words of a mail server are shown to people: a line, not a page.
_WORDS_LENGTH = 300


class Worker:
    """Delivers what is due.

    Args:
        app: whose database, templates and mail settings are used.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lease = timedelta(seconds=app.config["MAIL_LEASE"])
        self._transport = make_transport(app)
        # The last letter failed for a reason that the next one would meet too.
        self._stuck = False
        self._kept_house_on: datetime | None = None

    def run(self, stop: Event) -> None:
        """Works until `stop` is set; finishes the mail in hand."""
        while not stop.is_set():
            try:
                self._keep_house()
                idle = not self.deliver_one()
            except PyMongoError as error:
                self._app.logger.error("mail: MongoDB: %s", type(error).__name__)
                idle = True
            except Exception:
                # One account that cannot be read must not end the delivery of all others.
                self._app.logger.exception("mail: a letter could not be taken in hand")
                idle = True
            if self._stuck:
                stop.wait(_FIRST_RETRY.total_seconds())
            elif idle:
                stop.wait(_POLL_SECONDS)
        self._transport.close()

    def run_once(self) -> bool:
        """Delivers what is due now; whether letters are left to try again."""
        self._keep_house()
        while self.deliver_one() and not self._stuck:
            pass
        self._transport.close()
        with self._app.app_context():
            return outbox.waiting()

    def _keep_house(self) -> None:
        """Owes the reminders that are due, and notes who is about to expire or has gone, once a
        minute: no second scheduler."""
        now = utcnow()
        if self._kept_house_on and now - self._kept_house_on < _KEEP_HOUSE_EVERY:
            return
        self._kept_house_on = now
        with self._app.app_context():
            while users.owe_reminder(now, _REMIND_AHEAD):
                pass
            departed.note_expiring(now)
            departed.review(now)

    def deliver_one(self) -> bool:
        """Takes one letter in hand, if one is due; False when none is."""
        self._stuck = False
        with self._app.app_context():
            claim = outbox.claim(utcnow(), self._lease)
            if claim is None:
                return False
            if claim.overtaken:
                outbox.drop(claim)
                _note(claim, "letter_dropped", "done", reason="overtaken")
            else:
                self._deliver(claim)
            return True

    def _deliver(self, claim: Claim) -> None:
        log, letter = self._app.logger, claim.letter
        try:
            self._transport.send(render(claim))
        except Never as error:
            words = str(error)[:_WORDS_LENGTH]
            outbox.refuse(claim, words)
            _note(claim, "letter_refused", "refused", reason="for_good", trouble=words)
        except (Later, Blocked) as error:
            self._stuck = isinstance(error, (Blocked, Unreachable))
            self._postpone(claim, str(error)[:_WORDS_LENGTH], blocked=isinstance(error, Blocked))
        except Exception:
            # A letter that cannot be rendered must not stop the others.
            log.exception("mail: letter %s could not be written", letter.id)
            self._postpone(claim, "could not be written, see the log", blocked=False)
        else:
            ours = outbox.settle(claim, utcnow())
            _note(claim, "letter_sent", "done")
            if not ours:
                log.warning("mail: letter %s was sent after its lease was lost", letter.id)

    def _postpone(self, claim: Claim, trouble: str, *, blocked: bool) -> None:
        letter, now = claim.letter, utcnow()
        if not blocked and now - letter.owed_on > _GIVE_UP_AFTER:
            outbox.refuse(claim, trouble)
            _note(claim, "letter_refused", "refused", reason="given_up", trouble=trouble)
            return
        outbox.postpone(claim, _next_try(letter.attempts, now), trouble, blocked=blocked)
        if blocked:
            _note(claim, "letter_blocked", "failed", trouble=trouble)
        else:
            _note(claim, "letter_postponed", "refused", trouble=trouble)


def _note(claim: Claim, event: str, outcome: journal.Outcome, **details: str) -> None:
    """One line a try: which letter of whom, and in the mail server's words what is the matter."""
    letter = claim.letter
    journal.note(
        event,
        outcome=outcome,
        account=claim.user.id,
        letter=letter.id,
        kind=str(letter.kind),
        attempts=letter.attempts,
        **details,
    )


def _next_try(attempts: int, now: datetime) -> datetime:
    """Doubles from 5 s to 5 minutes; the jitter keeps a backlog from coming back as one wave."""
    pause = min(_FIRST_RETRY * (1 << min(attempts - 1, 16)), _LONGEST_RETRY)
    spread: float = random.uniform(0.8, 1.2)  # noqa: S311 (spread, not a secret)
    return now + pause * spread
