"""Sends one letter and stores the result."""

import random
from datetime import datetime, timedelta

from flask import Flask

from app.mail.lease_keeper import lease_kept
from app.mail.message import Mail, render
from app.mail.transport import Blocked, Later, Never, Transport, Unsure
from app.mongo import outbox, refused_alike
from app.observability import audit_log
from app.users import refusals
from app.users.clock import utcnow
from app.users.letters import Letter
from app.users.outbox import LeasedLetter
from app.users.refusals import MAX_WORDS, Refusal, Trouble

FIRST_RETRY, _LONGEST_RETRY = timedelta(seconds=5), timedelta(minutes=5)
_GIVE_UP_AFTER, _A_DAY = timedelta(days=3), timedelta(days=1)
# How often a letter is sent if the server does not answer after the final dot.
_MOST_COPIES = 3
_ALIKE_WITHIN = timedelta(days=1)


class Delivery:
    """Sends letters over one transport.

    Args:
        app: its templates and mail settings are used.
    """

    def __init__(self, app: Flask, transport: Transport) -> None:
        self._app = app
        self._transport = transport
        self._lease = timedelta(seconds=app.config["MAIL_LEASE"])
        self._blocked = False

    def deliver(self, leased: LeasedLetter) -> bool:
        """Sends a letter and stores the result. False means that the queue is blocked: no other
        letter could be sent either."""
        self._blocked = False
        try:
            mail = render(leased)
        except Exception:
            # A letter that cannot be rendered must not stop the others.
            self._app.logger.exception("mail: letter %s could not be written", leased.letter.id)
            self._postpone(leased, "could not be written, see the log", Refusal.NOT_SENT)
        else:
            self._send(leased, mail)
        return not self._blocked

    def _send(self, leased: LeasedLetter, mail: Mail) -> None:
        try:
            with lease_kept(self._app, leased, self._lease):
                self._transport.send(mail)
        except Blocked as error:
            self._block(leased, _cut(error), error.trouble)
        except Never as error:
            self._refuse(leased, _cut(error), error.refusal, "for_good")
        except Later as error:
            self._postpone(leased, _cut(error), error.refusal)
        except Unsure as error:
            self._doubt(leased, _cut(error))
        except Exception as error:
            self._app.logger.exception("mail: letter %s could not be sent", leased.letter.id)
            self._postpone(leased, type(error).__name__, Refusal.NOT_SENT)
        else:
            self._settle(leased)

    def _settle(self, leased: LeasedLetter) -> None:
        ours = outbox.settle(leased, utcnow())
        record(leased, "letter_sent", "done")
        if not ours:
            lost = "mail: letter %s was sent after its lease was lost"
            self._app.logger.warning(lost, leased.letter.id)

    def _block(
        self, leased: LeasedLetter, words: str, trouble: Trouble, alike: str | None = None
    ) -> None:
        self._blocked = True
        now = utcnow()
        until = _next_try(leased.letter.blocks + 1, now)
        outbox.block(leased, now, until, words, trouble, alike)
        record(leased, "letter_blocked", "failed", reason=str(trouble), trouble=words)

    def _refuse(self, leased: LeasedLetter, words: str, refusal: Refusal, reason: str) -> None:
        """Gives the letter up. If unrelated recipients got the same refusal, it is about us: then
        it blocks the queue instead."""
        now = utcnow()
        since = now - _ALIKE_WITHIN
        # Each missing domain is refused with the same words, so the words prove nothing about us.
        domain = refusal is Refusal.NO_SUCH_DOMAIN
        alike = None if domain else refusals.alike(words, leased.recipient)
        if alike and refused_alike.is_about_us(alike, leased.recipient, since):
            self._block(leased, words, Trouble.ALIKE, alike)
            refused_alike.take_back(alike, since, now)
            return
        outbox.refuse(leased, words, now, refusal, alike)
        record(
            leased, "letter_refused", "refused", reason=reason, refusal=str(refusal), trouble=words
        )

    def _postpone(self, leased: LeasedLetter, words: str, refusal: Refusal) -> None:
        now, since = utcnow(), _failing_since(leased.letter)
        patience = _A_DAY if refusal is Refusal.MAILBOX_FULL else _GIVE_UP_AFTER
        if since and now - since > patience:
            self._refuse(leased, words, refusal, "given_up")
            return
        until = _next_try(leased.letter.attempts, now)
        outbox.postpone(leased, until, words, since=since or now)
        record(leased, "letter_postponed", "refused", trouble=words)

    def _doubt(self, leased: LeasedLetter, words: str) -> None:
        """Handles a mail that the server got without an answer: the server may have taken it.

        A second copy is better than a lost mail, so the letter is sent again. After three tries it
        counts as sent: the server got the whole mail each time, and the waiting page offers a new
        mail. Administrators can still try the letter again."""
        letter, now = leased.letter, utcnow()
        words = f"no answer after the final dot: {words}"
        if letter.unsure + 1 < _MOST_COPIES:
            outbox.doubt(leased, _next_try(letter.attempts, now), words)
            record(leased, "letter_postponed", "refused", trouble=words)
        else:
            outbox.take_for_sent(leased, now, words)
            record(leased, "letter_taken_for_sent", "failed", trouble=words)


def record(leased: LeasedLetter, event: str, outcome: audit_log.Outcome, **details: str) -> None:
    """Logs one line for each try: the letter, the account, and the mail server's words."""
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


def _cut(error: Exception) -> str:
    return str(error)[:MAX_WORDS]


def _failing_since(letter: Letter) -> datetime | None:
    """Since when the letter itself fails; a blocked queue does not count. None if it has not failed
    yet."""
    if letter.troubled_on or not letter.trouble or letter.blocked or letter.unsure:
        return letter.troubled_on
    return letter.owed_on  # an older version has postponed it


def _next_try(attempts: int, now: datetime) -> datetime:
    """The delay doubles from 5 s to 5 minutes. The jitter spreads the retries of a backlog."""
    spread: float = random.uniform(0.8, 1.2)  # noqa: S311 (spread, not a secret)
    return now + doubled(attempts, _LONGEST_RETRY) * spread


def doubled(times: int, most: timedelta) -> timedelta:
    return min(FIRST_RETRY * (1 << min(max(times - 1, 0), 16)), most)
