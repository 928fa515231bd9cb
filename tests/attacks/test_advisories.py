"""Published holes of similar products, tried against this one. docs/security.md lists all of them
and names the tests in other files, too."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from flask import Flask

from app.mail.worker import Worker
from app.mongo import current_mongo
from app.users.user import MAX_CODE_TRIES
from tests.conftest import MakeApp
from tests.mailbox import Mailbox
from tests.parallel import in_parallel
from tests.visitor import PASSWORD, Visitor
from tests.web.pages import documents

ADA, EVE = "ada@example.com", "eve@evil.example"
WRONG, NEW = "a wrong password here", "another fine long password"
AT_ONCE = 24


@pytest.fixture
def real(make_app: MakeApp, real_uri: str) -> Flask:
    """The app on a real mongod, where parallel requests race."""
    return make_app(MONGODB_URI=real_uri)


def recipients(mailbox: Mailbox, about: str) -> list[str]:
    return [mail.to for mail in mailbox.all() if about in mail.subject.lower()]


@pytest.mark.usefixtures("confirmed")
@pytest.mark.parametrize(
    "fields",
    [
        {"email": [ADA, EVE]},
        {"email": [EVE, ADA]},
        {"email": ADA, "email[]": [EVE]},
        {"email[]": [ADA, EVE]},
        {"email": f"{ADA},{EVE}"},
        {"email": f"{ADA}\nBcc: {EVE}"},
        {"email": f"{ADA}%0ACc:{EVE}"},
        {"email": f"<{ADA}> {EVE}"},
    ],
)
def test_a_reset_is_mailed_only_to_the_address_of_the_account(
    visitor: Visitor, mailbox: Mailbox, fields: dict[str, object]
) -> None:
    """GitLab CVE-2023-7028: the reset was also mailed to a second address in the form."""
    visitor.forge("/forgot", fields)
    assert set(recipients(mailbox, "password")) <= {ADA}


@pytest.mark.parametrize(
    "spelling",
    ["mıke@example.org", "MİKE@example.org", "mi\u212ae@example.org", "ｍｉｋｅ@example.org",
     "mike@ｅxample.org", "mike@example。org", "mi\u200bke@example.org", "mike@exam\u00adple.org"],
)  # fmt: skip
def test_a_look_alike_address_gets_no_mail_of_the_account(
    visitor: Visitor, mailbox: Mailbox, new_visitor: Callable[[], Visitor], spelling: str
) -> None:
    """Django CVE-2019-19844, GitHub 2019: a look-alike found the account and got the mail."""
    visitor.register("mike@example.org")
    visitor.submit(mailbox.newest("mike@example.org").link)
    new_visitor().submit("/forgot", email=spelling)
    assert set(recipients(mailbox, "password")) <= {"mike@example.org"}


def test_parallel_wrong_passwords_do_not_exceed_the_limit(real: Flask) -> None:
    """Devise CVE-2019-5421: parallel attempts counted as one."""
    visitors = [Visitor(real) for _ in range(AT_ONCE)]
    for visitor in visitors:
        visitor.get("/login")
    answers = in_parallel(*(partial(visitor.sign_in, ADA, WRONG) for visitor in visitors))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(422), statuses.count(429)) == (10, AT_ONCE - 10)


@pytest.mark.parametrize("spelling", ["ADA@EXAMPLE.COM", " ada@example.com ", "ａda@example.com"])
def test_another_spelling_of_the_address_has_the_same_limit(
    visitor: Visitor, spelling: str
) -> None:
    """django-allauth 65: limits were counted by the typed text."""
    assert [visitor.sign_in(ADA, WRONG).status_code for _ in range(10)] == [422] * 10
    assert visitor.sign_in(spelling, WRONG).status_code == 429


def test_parallel_wrong_codes_do_not_exceed_the_limit(real: Flask) -> None:
    """Guessing the six digits of a mail in parallel."""
    ada = Visitor(real)
    ada.register(ADA)
    copies = [ada.copy() for _ in range(AT_ONCE)]
    in_parallel(
        *(
            partial(copy.forge, "/unconfirmed/code", {"code": f"{number:06}"})
            for number, copy in enumerate(copies)
        )
    )
    with real.app_context():
        (account,) = current_mongo().users.find()
    assert account["code_tries"] <= MAX_CODE_TRIES
    assert not account["confirmed"]


def test_parallel_posts_of_one_reset_link_set_one_password(
    make_app: MakeApp, real_uri: str
) -> None:
    """Keycloak: action tokens worked more than once."""
    app = make_app(MONGODB_URI=real_uri)
    mailbox = Mailbox(Worker(app), Path(app.config["MAIL_FOLDER"]))
    ada = Visitor(app)
    ada.register(ADA)
    ada.submit(mailbox.newest(ADA).link)
    ada.submit("/forgot", email=ADA)
    link = mailbox.newest(ADA, "password").link
    visitors = [Visitor(app) for _ in range(8)]
    phrases = [f"{NEW} {number}" for number in range(8)]
    # All forms are filled in before the first is sent: a used link has no form.
    forms = [
        visitor.fill(link, password=phrase, confirm=phrase)
        for visitor, phrase in zip(visitors, phrases, strict=True)
    ]

    answers = in_parallel(
        *(
            partial(visitor.client.post, link, data=form)
            for visitor, form in zip(visitors, forms, strict=True)
        )
    )
    done = [n for n, answer in enumerate(answers) if answer.status_code == 302]
    assert len(done) == 1
    signed_in = [n for n in range(8) if Visitor(app).sign_in(ADA, phrases[n]).status_code == 302]
    assert signed_in == done


@pytest.mark.parametrize("ending", ["sign_out", "password", "reset"])
def test_a_copied_keep_me_signed_in_cookie_is_invalid_after_sign_out_change_or_reset(
    confirmed: Visitor, visitor: Visitor, mailbox: Mailbox, ending: str
) -> None:
    """Devise CVE-2015-8314: remember-me cookies stayed valid after sign-out or a new password."""
    visitor.sign_in(ADA, remember="y")
    thief = visitor.copy()
    assert thief.get("/profile").status_code == 200
    if ending == "sign_out":
        visitor.sign_out()
    elif ending == "password":
        fields = {"current_password": PASSWORD, "password": NEW, "confirm": NEW}
        confirmed.submit("/profile/password", **fields)
    else:
        confirmed.submit("/forgot", email=ADA)
        confirmed.submit(mailbox.newest(ADA, "password").link, password=NEW, confirm=NEW)
    assert thief.get("/profile").location == "/login?next=%2Fprofile"


def test_a_session_cookie_planted_before_sign_in_stays_signed_out(
    confirmed: Visitor, visitor: Visitor
) -> None:
    """Session fixation: the attacker knows the cookie that the victim had before the sign-in."""
    visitor.get("/login")
    attacker = visitor.copy()
    visitor.sign_in(ADA)
    assert attacker.get("/profile").location == "/login?next=%2Fprofile"


def test_a_stranger_who_registered_first_keeps_no_access_after_a_reset(
    visitor: Visitor, mailbox: Mailbox, new_visitor: Callable[[], Visitor]
) -> None:
    """ "Pre-hijacked accounts", trojan identifier and unexpired email change: the stranger requests
    a change of address before the owner comes. It is refused, and the owner's reset ends access."""
    visitor.register(ADA)
    strangers_link = mailbox.newest(ADA).link
    change = visitor.forge("/profile/email", {"email": EVE, "current_password": PASSWORD})
    assert change.location == "/unconfirmed"
    owner = new_visitor()
    owner.submit("/forgot", email=ADA)
    owner.submit(mailbox.newest(ADA, "password").link, password=NEW, confirm=NEW)
    assert owner.sign_in(ADA, NEW).location == "/"
    # The stranger sees the same pages as after registering a taken address.
    assert visitor.get("/profile").location == "/unconfirmed"
    assert visitor.get("/unconfirmed/status").get_json()["confirmed"] is False
    assert new_visitor().sign_in(ADA, PASSWORD).status_code == 422
    assert "already confirmed" in new_visitor().get(strangers_link).text.lower()
    assert not [mail for mail in mailbox.all() if mail.to == EVE]


def test_a_link_to_the_attackers_address_never_confirms_the_victims_address(
    confirmed: Visitor, mailbox: Mailbox
) -> None:
    """Devise CVE-2026-32700: after two changes, the link to one address confirmed the other."""
    ask = {"current_password": PASSWORD}
    confirmed.submit("/profile/email", email=EVE, **ask)
    link = mailbox.newest(EVE).link
    confirmed.submit("/profile/email", email="victim@example.com", **ask)
    assert confirmed.get(link).status_code in {409, 410}
    assert confirmed.forge(link).status_code in {409, 410}
    confirmed.submit("/profile/email", email=EVE, **ask)
    assert confirmed.forge(link).status_code in {409, 410}, "even after a new request"
    (account,) = documents(confirmed.app)
    assert account["email_key"] == ADA


def test_links_and_cookies_of_a_deleted_account_do_not_work_for_its_successor(
    confirmed: Visitor, mailbox: Mailbox, visitor: Visitor
) -> None:
    """Keycloak, Flask-Security: a token with an address worked for its next account."""
    confirmed.submit("/forgot", email=ADA)
    reset, thief = mailbox.newest(ADA, "password").link, confirmed.copy()
    confirmed.submit("/profile/delete", current_password=PASSWORD)
    visitor.register(ADA, NEW)
    visitor.submit(mailbox.newest(ADA, "confirm").link)
    assert thief.get("/profile").location == "/login?next=%2Fprofile"
    assert confirmed.forge(reset, {"password": WRONG, "confirm": WRONG}).status_code in {404, 410}
    assert visitor.get("/profile").status_code == 200


@pytest.mark.parametrize(
    "path", ["/profile/x.css", "/profile%2fx.js", "/profile;x.css", "/profile/"]
)
def test_a_path_that_looks_like_a_file_shows_no_signed_in_page(
    confirmed: Visitor, path: str
) -> None:
    """Web cache deception (Gil, 2017): a cache keeps a page whose path looks like a file."""
    answer = confirmed.get(path)
    assert ADA not in answer.text
    assert confirmed.get("/profile").headers["Cache-Control"] == "no-store"
