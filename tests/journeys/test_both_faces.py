"""The same journeys on the pages and by the API, from one table.

A story is told with the steps of a face (see `faces.py`). Each one runs on the pages, for a program
with a token, and for an app in a browser with the cookie.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app.mongo import current_mongo
from app.users.clock import utcnow
from tests.journeys.faces import DONE, LINKS, Api, ApiInBrowser, Face, Link, Pages
from tests.mailbox import Mail, Mailbox
from tests.software_authenticator import SoftwareAuthenticator
from tests.visitor import PASSWORD

ADA, BOB = "ada@example.com", "bob@example.com"
OTHER_PASSWORD = "another battery staple horse"


@dataclass(frozen=True)
class Stage:
    """What a story needs."""

    new_person: Callable[[], Face]
    """A person with a browser or a program of their own."""
    app: Flask
    mailbox: Mailbox
    clock: time_machine.Traveller

    def mail(self, to: str = ADA, about: str = "") -> Mail:
        """The newest mail."""
        return self.mailbox.newest(to, about)

    def waiting(self, email: str = ADA) -> Face:
        """A person who has registered."""
        person = self.new_person()
        assert person.register(email) == DONE
        return person

    def confirmed(self, email: str = ADA) -> Face:
        """A person whose address is confirmed."""
        person = self.waiting(email)
        assert person.send_code(self.mail(email).code) == DONE
        return person

    def disable(self, email: str = ADA) -> None:
        """What an administrator does."""
        with self.app.app_context():
            disabled = {"$set": {"disabled_on": utcnow()}}
            current_mongo().users.update_one({"email_key": email}, disabled)


Story = Callable[[Stage], None]
STORIES: list[Story] = []


def story(tell: Story) -> Story:
    """Adds a story to the table."""
    STORIES.append(tell)
    return tell


@story
def register_wait_and_confirm_by_code(stage: Stage) -> None:
    ada = stage.waiting()
    assert (ada.state(), ada.mail_state()) == ("waiting", "queued")
    mail = stage.mail()
    assert ada.mail_state() == "sent"
    assert ada.send_code(f"{int(mail.code) ^ 1:06}") == "code_wrong"
    assert ada.state() == "waiting"
    assert ada.send_code(mail.code) == DONE
    assert ada.state() == "confirmed"


@story
def five_wrong_codes_leave_only_the_link(stage: Stage) -> None:
    ada = stage.waiting()
    code = stage.mail().code
    for _try in range(4):
        assert ada.send_code(f"{int(code) ^ 1:06}") == "code_wrong"
    assert ada.send_code(f"{int(code) ^ 1:06}") == "code_tries_used_up"
    assert ada.send_code(code) == "code_tries_used_up"
    assert ada.follow(stage.mail()) == DONE


@story
def the_owner_confirms_by_the_link_and_may_repeat_it(stage: Stage) -> None:
    ada = stage.waiting()
    assert ada.follow(stage.mail()) == DONE
    assert ada.state() == "confirmed"


@story
def a_signed_out_person_confirms_by_the_link_with_the_password(stage: Stage) -> None:
    stage.waiting()
    elsewhere, mail = stage.new_person(), stage.mail()
    assert elsewhere.follow(mail) == "password_required"
    assert elsewhere.follow(mail, "not the password") == "password_wrong"
    assert elsewhere.state() == "signed_out"
    assert elsewhere.follow(mail, PASSWORD) == DONE
    assert elsewhere.state() == "confirmed"
    assert stage.new_person().follow(mail, PASSWORD) == "link_used"


@story
def a_new_mail_makes_the_older_link_and_code_worthless(stage: Stage) -> None:
    ada = stage.waiting()
    first = stage.mail()
    assert ada.resend() == "mail_sent_moments_ago"
    stage.clock.shift(timedelta(seconds=61))
    assert ada.resend() == DONE
    second = stage.mail()
    assert ada.follow(first) == "link_superseded"
    assert ada.send_code(first.code) == "code_wrong"
    assert ada.follow(second) == DONE


@story
def an_old_link_has_expired(stage: Stage) -> None:
    ada = stage.waiting()
    mail = stage.mail()
    stage.clock.shift(timedelta(minutes=61))
    assert ada.follow(mail) == "link_expired"
    assert ada.send_code(mail.code) == "code_expired"


@story
def the_link_of_another_account_is_refused(stage: Stage) -> None:
    stage.waiting(BOB)
    ada = stage.confirmed()
    assert ada.follow(stage.mail(BOB)) == "link_other_account"


@story
def a_person_who_did_not_sign_up_removes_the_account(stage: Stage) -> None:
    stranger = stage.waiting()
    mail = stage.mail()
    assert stage.new_person().disown(mail) == DONE
    assert stage.new_person().follow(mail) == "link_gone"
    assert stage.new_person().sign_in(ADA) == "credentials_wrong"
    # The stranger cannot tell it from waiting on.
    assert stranger.state() in {"waiting", "signed_out"}


@story
def starting_over_drops_the_mistyped_address(stage: Stage) -> None:
    ada = stage.waiting("adda@example.com")
    assert ada.start_over() == DONE
    assert ada.state() == "signed_out"
    assert ada.sign_in("adda@example.com") == "credentials_wrong"
    assert ada.register(ADA) == DONE
    assert ada.state() == "waiting"


@story
def the_newest_claim_on_an_unconfirmed_address_wins(stage: Stage) -> None:
    stage.waiting()
    stage.clock.shift(timedelta(minutes=1))
    owner = stage.new_person()
    assert owner.register(ADA, OTHER_PASSWORD) == DONE
    assert owner.send_code(stage.mail().code) == DONE
    assert stage.new_person().sign_in(ADA) == "credentials_wrong"
    assert stage.new_person().sign_in(ADA, OTHER_PASSWORD) == DONE


@story
def a_taken_address_looks_like_a_new_one_and_its_owner_gets_a_mail(stage: Stage) -> None:
    stage.confirmed()
    stranger = stage.new_person()
    assert stranger.register(ADA, OTHER_PASSWORD) == DONE
    assert stranger.state() == "waiting"
    stage.clock.shift(timedelta(seconds=61))
    assert stranger.mail_state() == "sent"
    assert stranger.resend() == DONE
    assert stranger.send_code("123456") == "code_wrong"
    assert stage.new_person().sign_in(ADA) == DONE
    assert stage.mail(ADA, "already have an account")


@story
def weak_passwords_are_refused(stage: Stage) -> None:
    ada = stage.new_person()
    assert ada.register(ADA, "short") == "password_too_short"
    assert ada.register(ADA, "password1") == "password_guessable"
    assert ada.state() == "signed_out"


@story
def sign_in_and_out(stage: Stage) -> None:
    ada = stage.confirmed()
    copied = ada.copy()
    assert copied.state() == "confirmed"
    assert ada.sign_out() == DONE
    assert (ada.state(), copied.state()) == ("signed_out", "signed_out")
    assert ada.sign_in(ADA, "not the password") == "credentials_wrong"
    assert ada.sign_in("nobody@example.com") == "credentials_wrong"
    assert ada.sign_in(ADA) == DONE
    assert ada.state() == "confirmed"


@story
def an_unconfirmed_person_may_sign_in_and_waits(stage: Stage) -> None:
    stage.waiting()
    elsewhere = stage.new_person()
    assert elsewhere.sign_in(ADA) == DONE
    assert elsewhere.state() == "waiting"


@story
def a_forgotten_password_is_chosen_anew(stage: Stage) -> None:
    ada, elsewhere = stage.confirmed(), stage.new_person()
    assert elsewhere.forgot("nobody@example.com") == DONE
    assert elsewhere.forgot(ADA) == DONE
    mail = stage.mail(ADA, "password")
    assert elsewhere.follow(mail, "short") == "password_too_short"
    assert elsewhere.follow(mail, OTHER_PASSWORD) == DONE
    assert ada.state() == "signed_out"
    assert elsewhere.sign_in(ADA) == "credentials_wrong"
    assert elsewhere.sign_in(ADA, OTHER_PASSWORD) == DONE
    assert stage.new_person().follow(mail, PASSWORD) == "link_superseded"


@story
def changing_the_password_ends_every_other_session(stage: Stage) -> None:
    ada, phone = stage.confirmed(), stage.new_person()
    assert phone.sign_in(ADA) == DONE
    assert ada.change_password("not the password", OTHER_PASSWORD) == "password_wrong"
    assert ada.change_password(PASSWORD, "short") == "password_too_short"
    assert phone.state() == "confirmed"
    assert ada.change_password(PASSWORD, OTHER_PASSWORD) == DONE
    assert (ada.state(), phone.state()) == ("confirmed", "signed_out")


@story
def a_changed_address_takes_effect_when_it_is_confirmed_and_can_be_undone(stage: Stage) -> None:
    ada = stage.confirmed()
    assert ada.change_email(ADA) == "same_address"
    assert ada.change_email(BOB, "not the password") == "password_wrong"
    assert ada.change_email(BOB) == DONE
    assert stage.new_person().sign_in(BOB) == "credentials_wrong"
    mail = stage.mail(BOB)
    assert stage.new_person().follow(mail) == "password_required"
    assert ada.follow(mail) == DONE
    assert ada.follow(mail) == "link_used"
    assert stage.new_person().sign_in(BOB) == DONE
    undo = stage.mail(ADA, "changed")
    assert stage.new_person().follow(undo) == DONE
    assert ada.state() == "signed_out"
    assert stage.new_person().sign_in(ADA) == "credentials_wrong"  # the password is locked


@story
def a_pending_address_can_be_cancelled(stage: Stage) -> None:
    ada = stage.confirmed()
    assert ada.change_email(BOB) == DONE
    mail = stage.mail(BOB)
    assert ada.cancel_email() == DONE
    assert ada.follow(mail) == "link_superseded"


@story
def sessions_are_listed_and_ended(stage: Stage) -> None:
    ada, phone = stage.confirmed(), stage.new_person()
    assert phone.sign_in(ADA) == DONE
    assert (ada.sessions(), phone.sessions()) == (2, 2)
    assert ada.activity() >= 3
    assert ada.end_other_sessions() == DONE
    assert (ada.state(), phone.state()) == ("confirmed", "signed_out")


@story
def an_export_needs_a_proof(stage: Stage) -> None:
    ada = stage.confirmed()
    assert ada.export() == ADA  # registering is a proof
    stage.clock.shift(timedelta(minutes=11))
    assert ada.export() == "proof_required"
    assert ada.prove("not the password") == "password_wrong"
    assert ada.export() == "proof_required"
    assert ada.prove(PASSWORD) == DONE
    assert ada.export() == ADA


@story
def deleting_frees_the_address(stage: Stage) -> None:
    ada, phone = stage.confirmed(), stage.new_person()
    assert phone.sign_in(ADA) == DONE
    assert ada.delete("not the password") == "password_wrong"
    assert ada.delete(PASSWORD) == DONE
    assert (ada.state(), phone.state()) == ("signed_out", "signed_out")
    assert ada.sign_in(ADA) == "credentials_wrong"
    assert stage.new_person().register(ADA) == DONE


@story
def an_authenticator_app_and_recovery_codes_are_a_second_step(stage: Stage) -> None:
    ada, phone = stage.confirmed(), stage.new_person()
    app, codes, done = ada.add_app()
    assert app
    assert (done, len(codes)) == (DONE, 10)
    stage.clock.shift(timedelta(seconds=60))
    assert phone.sign_in(ADA) == "second_factor_due"
    assert phone.state() == "signed_out"
    code = app.code()
    assert phone.second_step("000000") == "code_wrong"
    assert phone.second_step(code) == DONE
    assert phone.state() == "confirmed"
    again = stage.new_person()
    assert again.sign_in(ADA) == "second_factor_due"
    assert again.second_step(code) == "code_wrong"  # it counts once
    assert again.second_step(codes[0]) == DONE
    other = stage.new_person()
    assert other.sign_in(ADA) == "second_factor_due"
    assert other.second_step(codes[0]) == "code_wrong"


@story
def factors_are_changed_only_with_a_proof(stage: Stage) -> None:
    ada = stage.confirmed()
    stage.clock.shift(timedelta(minutes=11))
    assert ada.add_app() == (None, [], "proof_required")
    assert ada.prove(PASSWORD) == DONE
    _app, old, done = ada.add_app()
    assert done == DONE
    new = ada.new_codes()
    assert len(new) == 10
    assert not set(old) & set(new)
    stage.clock.shift(timedelta(minutes=11))
    assert ada.remove_app() == "proof_required"


@story
def a_passkey_signs_in_alone(stage: Stage) -> None:
    ada, phone = stage.confirmed(), stage.new_person()
    key, done = ada.add_passkey()
    assert done == DONE
    stage.clock.shift(timedelta(seconds=1))  # a challenge must be younger than the last one
    assert phone.sign_in_with_passkey(key) == DONE
    assert phone.state() == "confirmed"


@story
def a_link_that_was_changed_is_damaged(stage: Stage) -> None:
    ada = stage.waiting()
    token = stage.mail().token
    flipped = ("B" if token[-5] == "A" else "A").join([token[:-5], token[-4:]])
    for changed in (token[:-1], flipped, token.swapcase(), token + "x", "x"):
        assert ada.follow(Link("confirm", changed)) == "link_damaged"
        assert stage.new_person().disown(Link("confirm", changed)) == "link_damaged"
    assert ada.state() == "waiting"
    assert ada.follow(stage.mail()) == DONE


@story
def a_link_works_only_for_its_purpose(stage: Stage) -> None:
    ada = stage.waiting()
    tokens = {"confirm": stage.mail().token}
    assert ada.follow(stage.mail()) == DONE
    assert ada.forgot(ADA) == DONE
    tokens["reset"] = stage.mail(ADA, "password").token
    assert ada.change_email(BOB) == DONE
    tokens["email/confirm"] = stage.mail(BOB).token
    assert ada.follow(stage.mail(BOB)) == DONE
    tokens["email/undo"] = stage.mail(ADA, "changed").token
    person = stage.new_person()
    for kind in LINKS:
        for other in tokens.keys() - {kind}:
            assert person.follow(Link(kind, tokens[other]), OTHER_PASSWORD) == "link_damaged"
    assert ada.state() == "confirmed"
    assert stage.new_person().sign_in(BOB) == DONE


@story
def a_disabled_person_is_out_at_once_and_stays_out(stage: Stage) -> None:
    ada = stage.confirmed()
    assert ada.forgot(ADA) == DONE
    stage.disable()
    assert ada.state() == "signed_out"
    assert ada.sign_in(ADA, "not the password") == "credentials_wrong"
    assert ada.sign_in(ADA) == "account_disabled"
    assert ada.state() == "signed_out"


@story
def a_disabled_address_cannot_be_confirmed(stage: Stage) -> None:
    ada, mail = stage.waiting(), stage.mail()
    stage.disable()
    assert ada.follow(mail, PASSWORD) == "account_disabled"
    assert stage.new_person().follow(mail, PASSWORD) == "account_disabled"


@story
def a_reset_link_expires_and_works_once(stage: Stage) -> None:
    stage.confirmed()
    person = stage.new_person()
    assert person.forgot(ADA) == DONE
    old = stage.mail(ADA, "password")
    stage.clock.shift(timedelta(minutes=61))
    assert person.follow(old, OTHER_PASSWORD) == "link_expired"
    assert person.forgot(ADA) == DONE
    new = stage.mail(ADA, "password")
    assert person.follow(old, OTHER_PASSWORD) == "link_superseded"
    assert person.follow(new, OTHER_PASSWORD) == DONE
    assert person.state() == "signed_out"
    assert stage.new_person().follow(new, PASSWORD) == "link_superseded"
    assert person.sign_in(ADA, OTHER_PASSWORD) == DONE


@story
def a_reset_throws_a_squatter_out(stage: Stage) -> None:
    squatter, owner = stage.waiting(), stage.new_person()
    squatted = stage.mail()
    assert owner.forgot(ADA) == DONE
    assert owner.follow(stage.mail(ADA, "password"), OTHER_PASSWORD) == DONE
    assert squatter.state() != "confirmed"
    assert squatter.sign_in(ADA) == "credentials_wrong"
    assert squatter.follow(squatted, PASSWORD) != DONE
    assert owner.sign_in(ADA, OTHER_PASSWORD) == DONE
    assert owner.state() == "confirmed"


@story
def the_link_of_a_changed_address_expires_and_only_the_newest_works(stage: Stage) -> None:
    ada = stage.confirmed()
    assert ada.change_email(BOB) == DONE
    first = stage.mail(BOB)
    assert ada.change_email("carol@example.com") == DONE
    assert ada.follow(first) == "link_superseded"
    second = stage.mail("carol@example.com")
    other = stage.waiting("dave@example.com")
    assert other.follow(second) == "link_other_account"
    stage.clock.shift(timedelta(minutes=61))
    assert ada.follow(second) == "link_expired"
    assert stage.new_person().sign_in("carol@example.com") == "credentials_wrong"


@story
def an_address_that_is_confirmed_meanwhile_is_taken(stage: Stage) -> None:
    ada = stage.confirmed()
    assert ada.change_email(BOB) == DONE
    mail = stage.mail(BOB)
    stage.clock.shift(timedelta(seconds=1))
    bob = stage.confirmed(BOB)
    assert ada.follow(mail) == "address_taken"
    assert (ada.export(), bob.export()) == (ADA, BOB)


@story
def a_new_password_voids_a_pending_address(stage: Stage) -> None:
    ada = stage.confirmed()
    assert ada.change_email(BOB) == DONE
    mail = stage.mail(BOB)
    assert ada.change_password(PASSWORD, OTHER_PASSWORD) == DONE
    assert ada.follow(mail) == "link_superseded"


@story
def the_undo_link_expires(stage: Stage) -> None:
    ada = stage.confirmed()
    assert ada.change_email(BOB) == DONE
    assert ada.follow(stage.mail(BOB)) == DONE
    undo = stage.mail(ADA, "changed")
    stage.clock.shift(timedelta(days=8))
    assert ada.follow(undo) == "link_expired"
    assert stage.new_person().sign_in(BOB) == DONE


@story
def one_session_is_ended(stage: Stage) -> None:
    ada, phone = stage.confirmed(), stage.new_person()
    assert phone.sign_in(ADA) == DONE
    assert ada.end_another_session() == DONE
    assert (ada.state(), phone.state()) == ("confirmed", "signed_out")
    assert ada.sessions() == 1


@story
def a_passkey_is_a_second_step(stage: Stage) -> None:
    ada, phone = stage.confirmed(), stage.new_person()
    key, done = ada.add_passkey()
    assert done == DONE
    stage.clock.shift(timedelta(seconds=1))
    assert phone.sign_in(ADA) == "second_factor_due"
    stranger = SoftwareAuthenticator()
    stranger.id, stranger.user_handle = key.id, key.user_handle
    assert phone.second_step_with_passkey(stranger) == "passkey_refused"
    assert phone.state() == "signed_out"
    assert phone.second_step_with_passkey(key) == DONE
    assert phone.state() == "confirmed"


@story
def a_reset_does_not_replace_the_second_step(stage: Stage) -> None:
    ada, phone = stage.confirmed(), stage.new_person()
    app, _codes, _done = ada.add_app()
    assert app
    stage.clock.shift(timedelta(seconds=60))
    assert phone.forgot(ADA) == DONE
    assert phone.follow(stage.mail(ADA, "password"), OTHER_PASSWORD) == DONE
    assert phone.sign_in(ADA, OTHER_PASSWORD) == "second_factor_due"
    assert phone.state() == "signed_out"
    assert phone.second_step(app.code()) == DONE


@story
def a_changed_address_does_not_replace_the_second_step(stage: Stage) -> None:
    ada, phone = stage.confirmed(), stage.new_person()
    app, _codes, _done = ada.add_app()
    assert app
    stage.clock.shift(timedelta(seconds=60))
    assert ada.change_email(BOB) == DONE
    assert phone.follow(stage.mail(BOB), PASSWORD) == "second_factor_due"
    assert phone.state() == "signed_out"
    assert phone.second_step(app.code()) == DONE
    assert phone.export() == BOB


@story
def a_password_is_no_proof_where_a_factor_is_due(stage: Stage) -> None:
    ada = stage.confirmed()
    app, _codes, _done = ada.add_app()
    assert app
    stage.clock.shift(timedelta(minutes=11))
    assert ada.export() == "proof_required"
    code = app.code()
    assert ada.prove_with_code("000000") == "code_wrong"
    assert ada.prove_with_code(code) == DONE
    assert ada.export() == ADA
    stage.clock.shift(timedelta(seconds=1))
    assert ada.remove_app() == DONE
    assert stage.new_person().sign_in(ADA) == DONE


@story
def lost_factors_are_removed_after_a_wait(stage: Stage) -> None:
    ada, phone = stage.confirmed(), stage.new_person()
    assert ada.add_app()[2] == DONE
    stage.clock.shift(timedelta(seconds=60))
    assert phone.sign_in(ADA) == "second_factor_due"
    assert phone.lose_factors() == DONE
    first = stage.mail(ADA, "your second factor at")
    assert phone.follow(first) == DONE
    assert phone.sign_in(ADA) == "second_factor_due"
    stage.clock.shift(timedelta(days=3, minutes=1))
    last = _last_link(stage.mail(ADA, "factors at latchkey now"))
    assert phone.follow(last) == "password_required"
    assert phone.follow(last, "not the password") == "password_wrong"
    assert phone.follow(last, PASSWORD) == DONE
    assert ada.state() == "signed_out"
    assert phone.sign_in(ADA) == DONE
    assert phone.follow(last, PASSWORD) == "link_superseded"


@story
def the_owner_keeps_the_factors(stage: Stage) -> None:
    ada, thief = stage.confirmed(), stage.new_person()
    assert ada.add_app()[2] == DONE
    stage.clock.shift(timedelta(seconds=60))
    assert thief.sign_in(ADA) == "second_factor_due"
    assert thief.lose_factors() == DONE
    first = stage.mail(ADA, "your second factor at")
    assert thief.follow(first) == DONE
    keep = stage.mail(ADA, "will be removed")
    assert stage.new_person().follow(keep) == DONE
    assert thief.follow(first) == "link_superseded"
    assert stage.new_person().follow(keep) == "link_superseded"
    assert thief.sign_in(ADA) == "second_factor_due"


def _last_link(mail: Mail) -> Link:
    """The link that removes the factors; the mail has another one that keeps them."""
    (word,) = {word for word in mail.text.split() if "/factors/reset/" in word}
    return Link("factors/reset", word.rpartition("/")[2])


FACES = {"pages": Pages, "token": Api, "cookie": ApiInBrowser}


@pytest.mark.parametrize("face", FACES.values(), ids=FACES)
@pytest.mark.parametrize("tell", STORIES, ids=lambda tell: tell.__name__)
def test_a_story_ends_the_same(app: Flask, mailbox: Mailbox, tell: Story, face: type[Face]) -> None:
    make: Callable[[Flask], Face] = face
    with time_machine.travel(utcnow(), tick=False) as clock:
        tell(Stage(lambda: make(app), app, mailbox, clock))
