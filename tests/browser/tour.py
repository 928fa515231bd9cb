"""A tour of every page in each of its states, and of every mail.

The check for accessibility and the gallery of screenshots use it. Each part is a generator that
yields a name and a page whenever there is something to look at.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from unittest.mock import patch
from urllib.parse import urlsplit

import time_machine
from flask import Flask, abort
from playwright.sync_api import Page, expect
from pymongo.errors import AutoReconnect
from werkzeug.exceptions import HTTPException

from app.mongo import current_mongo
from app.users.clock import utcnow
from app.users.letters import LetterKind
from app.users.second_factors import Passkey
from settings.environment import Rate
from tests.authenticator import AuthenticatorApp
from tests.browser.app_server import UNKNOWN_DOMAIN, AppServer
from tests.browser.test_journey import PASSWORD, sign_up
from tests.planted_factors import plant_app, plant_codes, plant_passkey
from tests.users.funnel import made
from tests.visitor import administrator_of

ROOT = "root@example.com"
ADA, NEW = "ada@example.com", "ada@lovelace.example"
OTHER_PASSWORD = "tangerine plinth wanders home"

NewPage = Callable[..., Page]
Stops = Iterator[tuple[str, Page]]
Part = Callable[[AppServer, NewPage], Stops]


def signed_out(server: AppServer, new_page: NewPage) -> Stops:
    """Pages that need no account."""
    page = new_page()
    for name, path in {
        "home": "/",
        "register": "/register",
        "login": "/login",
        "login-needed": "/profile",
        "forgot": "/forgot",
        "mailbox-empty": "/dev/mail",
    }.items():
        page.goto(path)
        yield name, page
    page.goto("/register")
    page.get_by_label("Email address").fill("ada@gmial.com")
    expect(page.get_by_role("button", name="ada@gmail.com")).to_be_visible()
    yield "register-suggestion", page
    page.get_by_label("Email address").fill(f"ada@{UNKNOWN_DOMAIN}")
    page.keyboard.press("Tab")
    expect(page.get_by_text("no mail server")).to_be_visible()
    yield "register-no-mail-server", page
    page.get_by_label("Email address").fill("ada@")
    page.get_by_label("Password", exact=True).fill("password1")
    page.keyboard.press("Enter")
    expect(page.locator(".alert-danger")).to_be_visible()
    yield "register-refused", page
    _sign_in(page, ADA)
    expect(page.locator(".alert-danger")).to_be_visible()
    yield "login-refused", page
    _ask_reset(page, ADA)
    yield "forgot-answered", page


def waiting(server: AppServer, new_page: NewPage) -> Stops:
    """The waiting page in each of its states."""
    page = new_page()
    sign_up(page, ADA)
    yield "unconfirmed-queued", page
    server.mailbox.all()
    page.goto("/unconfirmed")
    yield "unconfirmed-sent", page
    page.get_by_label("Code").fill("12345")
    page.keyboard.press("Enter")
    expect(page.locator(".alert-danger")).to_be_visible()
    yield "unconfirmed-wrong-code", page
    page.goto("/")
    yield "home-unconfirmed", page
    with patch.dict(server.app.config, RESEND_COOLDOWN=60):
        page.goto("/unconfirmed")
        yield "unconfirmed-countdown", page
    page.goto("/unconfirmed")
    page.get_by_role("button", name="Send a new mail").click()
    expect(page.locator(".alert-success")).to_be_visible()
    yield "unconfirmed-resent", page
    for _attempt in range(5):
        page.goto("/unconfirmed")
        page.get_by_label("Code").fill("000000")
        page.wait_for_url("**/unconfirmed/code")
    page.goto("/unconfirmed")
    yield "unconfirmed-no-tries-left", page
    sign_up(page, "ada@gmial.com")
    yield "unconfirmed-suggestion", page
    server.refuse_mail()
    page.goto("/unconfirmed")
    yield "unconfirmed-refused", page


def confirmation_links(server: AppServer, new_page: NewPage) -> Stops:
    """Each outcome of a confirmation link."""
    owner, phone = new_page(), new_page()
    owner.route("**/latchkey.js", lambda route: route.abort())  # the script would press the button
    sign_up(owner, ADA)
    older = server.mailbox.newest(ADA).link
    owner.goto(older)
    yield "confirm-here", owner
    phone.goto(older)
    yield "confirm-elsewhere", phone
    phone.get_by_role("button", name="Confirm this address").click()
    expect(phone.locator(".alert-danger")).to_be_visible()
    yield "confirm-elsewhere-refused", phone
    with patch.dict(server.app.config, CONFIRM_MAX_AGE=-1):
        phone.goto(older)
    yield "link-expired", phone
    with patch.dict(server.app.config, RESEND_COOLDOWN=60):
        phone.get_by_role("button", name="Send a new mail").click()
    yield "link-asked-too-soon", phone
    phone.goto("/confirm/damaged")
    yield "link-damaged", phone
    owner.goto("/unconfirmed")
    owner.get_by_role("button", name="Send a new mail").click()
    server.mailbox.all()
    phone.goto(older)
    yield "link-superseded", phone
    phone.get_by_role("button", name="Send a new mail").click()
    yield "link-sent-again", phone
    newest = server.mailbox.newest(ADA).link
    stranger = new_page()
    sign_up(stranger, "eve@example.com")
    stranger.goto(newest)
    yield "link-of-another-account", stranger
    removed = server.mailbox.newest("eve@example.com").link
    phone.goto(removed)
    phone.get_by_role("button", name="I did not sign up").click()
    yield "home-disowned", phone
    phone.goto(removed)
    yield "link-of-a-gone-account", phone
    owner.goto(newest)
    owner.get_by_role("button", name="Confirm this address").click()
    yield "home-just-confirmed", owner
    phone.goto(newest)
    yield "link-used", phone


def account(server: AppServer, new_page: NewPage) -> Stops:
    """The pages of an account and its mails, from the first profile to the deletion."""
    page = new_page()
    _confirmed(server, page)
    for name in ("profile", "profile/password", "profile/email", "profile/delete"):
        page.goto(f"/{name}")
        yield name.replace("/", "-"), page
    page.goto("/profile/sessions")
    yield "profile-sessions-one", page
    sign_up(new_page(), ADA)  # the owner gets a mail
    phone = new_page()
    _sign_in(phone, ADA)
    page.reload()
    yield "profile-sessions", page
    page.get_by_role("button", name="Sign out everywhere else").click()
    yield "profile-sessions-ended", page
    page.goto("/profile/password")
    page.get_by_label("Current password", exact=True).fill("not this one")
    _new_password(page, OTHER_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".alert-danger")).to_be_visible()
    yield "profile-password-refused", page
    page.get_by_label("Current password", exact=True).fill(PASSWORD)
    _new_password(page, OTHER_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".alert-success")).to_be_visible()
    yield "profile-password-changed", page
    yield from _reset_password(server, phone)
    _sign_in(page, ADA)
    yield from _change_address(server, page, phone)
    page.goto("/profile/activity")
    yield "profile-activity", page
    yield from _undo_change(server, page)
    _sign_in(page, ADA)
    page.goto("/profile/delete")
    page.get_by_label("Current password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".alert-success")).to_be_visible()
    yield "home-deleted", page
    sign_up(page, "grace@example.com")
    yield from _mails(server, page)


def second_step(server: AppServer, new_page: NewPage) -> Stops:
    """The second step of a sign-in, for each kind of account, and trusted browsers."""
    owner, page = new_page(), new_page()
    _confirmed(server, owner)
    owner.close()
    app = plant_app(server.app)
    codes = plant_codes(server.app)
    _sign_in(page, ADA)
    yield "second-step-app", page
    page.get_by_label("Code from").fill("000000")
    page.keyboard.press("Enter")
    expect(page.locator(".alert-danger")).to_be_visible()
    yield "second-step-refused", page
    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill("ABCDEF-GHJKMN-PQRSTV-WXYZ01")
    page.keyboard.press("Enter")
    expect(page.locator("#recovery_code.is-invalid")).to_be_visible()
    yield "second-step-recovery-code-refused", page
    with patch.dict(server.app.config, RATELIMIT_ACCOUNT=Rate(1, 60)):
        for _attempt in range(2):
            page.get_by_label("Code from").fill("000000")
            with page.expect_navigation():
                page.keyboard.press("Enter")
    expect(page.get_by_text("You can try again in")).to_be_visible()
    yield "second-step-limited", page
    plant_passkey(server.app)
    page.goto("/login/second")
    yield "second-step-all-ways", page
    page.get_by_label("Code from").fill(app.code())
    page.get_by_label("Do not ask again").first.check()
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.goto("/profile/sessions")
    yield "profile-sessions-trusted", page
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".alert-success")).to_be_visible()
    yield "profile-sessions-trust-ended", page
    _keep_codes(server, 3)
    page.context.clear_cookies()
    _sign_in(page, ADA)
    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0])
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 recovery codes left")).to_be_visible()
    yield "home-few-recovery-codes", page
    _remove_app(server)
    page.context.clear_cookies()
    _sign_in(page, ADA)
    yield "second-step-passkey", page


def lost_factor(server: AppServer, new_page: NewPage) -> Stops:
    """The way back for a person who has lost the second factor."""
    owner, page = new_page(), new_page()
    _confirmed(server, owner)
    plant_app(server.app)
    _sign_in(page, ADA)
    page.get_by_role("link", name="I cannot use my second factor").click()
    yield "lost-factor", page
    page.get_by_role("button", name="Mail me the link").click()
    expect(page.locator(".alert-success")).to_be_visible()
    yield "lost-factor-mailed", page
    page.goto(server.mailbox.newest(ADA, "your second factor at").link)
    yield "factor-reset", page
    page.get_by_role("button", name="Start the wait").click()
    expect(page.locator(".alert-info")).to_be_visible()
    yield "factor-reset-waiting", page
    page.goto("/login/second/lost")
    yield "lost-factor-waits", page
    owner.goto("/profile")
    yield "profile-factor-reset-waits", owner
    page.goto(server.mailbox.newest(ADA, "will be removed").link)
    yield "keep-factors", page
    _end_wait(server)
    text = server.mailbox.newest(ADA, "you can remove your second factors").text
    page.goto(next(word for word in text.split() if "/factors/reset/" in word))
    yield "factor-reset-ready", page
    page.get_by_label("Password", exact=True).fill("not the password of ada")
    page.keyboard.press("Enter")
    expect(page.locator(".is-invalid")).to_be_visible()
    yield "factor-reset-refused", page
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".alert-success")).to_be_visible()
    yield "login-factors-removed", page


def security(server: AppServer, new_page: NewPage) -> Stops:
    """The pages about second factors, and the proof that they ask for."""
    page = new_page()
    _confirmed(server, page)
    page.goto("/profile/security")
    yield "security-none", page
    page.goto("/profile/security/totp")
    yield "security-app", page
    page.get_by_label("Code", exact=True).fill("000000")
    page.keyboard.press("Enter")
    expect(page.locator(".alert-danger")).to_be_visible()
    yield "security-app-refused", page
    app = AuthenticatorApp(str(page.locator("[data-secret]").text_content()))
    page.get_by_label("Code", exact=True).fill(app.code())
    page.keyboard.press("Enter")
    expect(page.locator("[data-code]").first).to_be_visible()
    yield "security-first-codes", page
    _add_passkeys(server, "My phone", "A security key with a rather long name")
    page.goto("/profile/security")
    yield "security", page
    page.get_by_text("Rename").first.click()
    page.get_by_label("New name").first.fill("")
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator(".alert-danger")).to_be_visible()
    yield "security-rename-refused", page
    page.goto("/profile/security/recovery-codes")
    yield "security-codes", page
    page.get_by_role("button", name="Make ten new codes").click()
    expect(page.locator("[data-code]").first).to_be_visible()
    yield "security-new-codes", page
    _change_session(server, signed_in_on=datetime.now(UTC) - timedelta(hours=1))
    _change_session(server, proved_strongly_on=datetime.now(UTC) - timedelta(hours=1))
    page.goto("/profile/security/totp")
    yield "reauth", page
    page.get_by_label("Code", exact=True).fill("000000")
    page.keyboard.press("Enter")
    expect(page.locator(".alert-danger")).to_be_visible()
    yield "reauth-refused", page
    _change_session(server, second_factor=True)
    page.goto("/reauth")
    yield "reauth-all-ways", page
    page.goto("/profile/security")
    with patch.dict(server.app.config, REQUIRE_SECOND_FACTOR="everybody"):
        _forget_factors(server)
        page.reload()
        yield "security-required", page
        page.goto("/")
        yield "home-factor-required", page
    page.goto("/reauth?next=/profile/export")
    yield "reauth-password", page


def _keep_codes(server: AppServer, number: int) -> None:
    left = {"recovery_codes.hashes": {"$each": [], "$slice": number}}
    with server.app.app_context():
        current_mongo().users.update_one({"email": ADA}, {"$push": left})


def _remove_app(server: AppServer) -> None:
    with server.app.app_context():
        current_mongo().users.update_one({"email": ADA}, {"$unset": {"totp": ""}})


def _add_passkeys(server: AppServer, *names: str) -> None:
    added = datetime.now(UTC) - timedelta(days=40)
    passkeys = [
        Passkey(f"passkey-{number}", b"", name, added, synced=not number)
        for number, name in enumerate(names)
    ]
    stored = [asdict(passkey) for passkey in passkeys]
    with server.app.app_context():
        current_mongo().users.update_one({"email": ADA}, {"$set": {"passkeys": stored}})


def _change_session(server: AppServer, **fields: object) -> None:
    changed = {f"sessions.0.{name}": value for name, value in fields.items()}
    with server.app.app_context():
        current_mongo().users.update_one({"email": ADA}, {"$set": changed})


def _forget_factors(server: AppServer) -> None:
    gone = {"totp": "", "passkeys": "", "recovery_codes": ""}
    with server.app.app_context():
        current_mongo().users.update_one({"email": ADA}, {"$unset": gone})


def _reset_password(server: AppServer, page: Page) -> Stops:
    _ask_reset(page, ADA)
    link = server.mailbox.newest(ADA).link
    page.goto(link)
    yield "reset", page
    page.get_by_label("New password", exact=True).fill("password1")
    page.keyboard.press("Enter")
    expect(page.locator(".alert-danger")).to_be_visible()
    yield "reset-refused", page
    _new_password(page, PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".alert-success")).to_be_visible()
    yield "reset-done", page
    page.goto(link)
    yield "reset-superseded", page


def _change_address(server: AppServer, page: Page, phone: Page) -> Stops:
    page.goto("/profile/email")
    page.get_by_label("New email address").fill(ADA)
    page.get_by_label("Current password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".alert-danger")).to_be_visible()
    yield "profile-email-refused", page
    page.get_by_label("New email address").fill(NEW)
    page.get_by_label("Current password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".alert-success")).to_be_visible()
    yield "profile-email-asked", page
    page.goto("/profile")
    yield "profile-pending", page
    link = server.mailbox.newest(NEW).link
    phone.goto(link)
    yield "email-confirm-elsewhere", phone
    phone.get_by_label("Password", exact=True).fill(PASSWORD)
    phone.get_by_role("button", name="Use this address").click()
    expect(phone.locator(".alert-success")).to_be_visible()
    phone.goto(link)
    yield "email-confirm-used", phone


def _undo_change(server: AppServer, page: Page) -> Stops:
    link = server.mailbox.newest(ADA).link
    page.goto(link)
    yield "email-undo", page
    page.get_by_role("button", name="Take the account back").click()
    expect(page.locator(".alert-success")).to_be_visible()
    yield "email-undo-done", page
    page.goto(link)
    yield "email-undo-superseded", page
    page.goto(server.mailbox.newest(ADA, "password").link)
    _new_password(page, PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".alert-success")).to_be_visible()


def _mails(server: AppServer, page: Page) -> Stops:
    """Every kind of mail as its HTML part, and the mailbox that shows them."""
    server.mailbox.all()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=6, hours=1)):
        server.mailbox.all()  # the reminder
    page.goto("/dev/mail")
    page.get_by_text("Source").first.click()
    expect(page.frame_locator("iframe").first.get_by_role("heading")).to_be_visible()
    yield "mailbox", page
    urls: dict[str, str] = {}
    for shown in page.locator("details.lk-mail").all():
        subject = str(shown.locator("h2").text_content())
        # Mails about a change go to both addresses with the same subject.
        name = f"mail-{subject}-to-new" if NEW in str(shown.text_content()) else f"mail-{subject}"
        urls[name] = str(shown.locator("iframe").get_attribute("src"))
    for name, url in urls.items():
        page.goto(url)
        yield name.lower().replace(" ", "-").replace(":", ""), page


def administration(server: AppServer, new_page: NewPage) -> Stops:
    """The pages of administrators, with and without people, mail and figures."""
    root = new_page()
    administrator_of(server.app)
    _sign_in(root, ROOT)
    root.goto("/admin/?from=2020-01-01&to=2020-02-01&by=week")
    yield "admin-funnel-empty", root
    for number in range(3):
        page = new_page()
        sign_up(page, f"person{number}@example.com")
        if number % 3:
            page.goto(server.mailbox.newest(f"person{number}@example.com").link)
            expect(page.locator(".alert-success")).to_be_visible()
    sign_up(new_page(), "a.rather.long.address.of.somebody@an-even-longer-domain.example.org")
    server.refuse_mail()
    root.goto("/admin/?from=2026-02-01&to=2026-01-01")
    expect(root.locator(".alert-danger")).to_be_visible()
    yield "admin-funnel-refused", root
    root.goto("/admin/people")
    yield "admin-people", root
    root.goto("/admin/people?q=nobody@&state=disabled")
    yield "admin-people-none", root
    root.goto("/admin/people?q=rather")
    root.get_by_role("link", name="a.rather").click()
    yield "admin-person-refused", root
    root.goto("/admin/people?q=person1")
    root.get_by_role("link", name="person1").click()
    yield "admin-person", root
    root.get_by_role("link", name="Make an administrator").click()
    yield "admin-action", root
    root.get_by_role("button").last.click()
    root.get_by_role("link", name="Disable the account").click()
    yield "admin-action-danger", root
    root.get_by_role("button").last.click()
    yield "admin-person-disabled", root
    root.goto("/admin/mail")
    yield "admin-mail", root
    root.get_by_role("link", name="Try again:").click()
    yield "admin-mail-retry", root
    now = datetime.now(UTC)
    with server.app.app_context():
        database = current_mongo().database
        accounts, notes = made.documents(made.make(400, now - timedelta(days=80), now, now), now)
        database["users"].insert_many(accounts)
        database["departed"].insert_many(notes)
    root.goto("/admin/")
    expect(root.locator("canvas").first).to_be_visible()
    yield "admin-funnel", root


def api(_server: AppServer, new_page: NewPage) -> Stops:
    """The description of the API, with an operation that is opened."""
    page = new_page()
    page.goto("/api/docs")
    yield "api-docs", page
    page.get_by_text("Register an address").click()
    yield "api-docs-operation", page
    page.get_by_role("link", name="SignedIn").first.click()
    expect(page.locator("#schema-SignedIn")).to_be_visible()
    yield "api-docs-answer", page


def errors(server: AppServer, new_page: NewPage) -> Stops:
    """Error pages, and forms that are shown again."""
    page = new_page()
    page.goto("/nowhere")
    yield "error-404", page
    page.goto("/logout")
    yield "error-405", page
    # The script asks for a challenge, whose answer would bring the cookie back.
    page.goto("/login", wait_until="networkidle")
    page.context.clear_cookies()
    page.get_by_label("Email address").press("Enter")
    expect(page.get_by_text("open for too long")).to_be_visible()
    yield "login-stale", page
    with patch.dict(server.app.config, RATELIMIT_ACCOUNT=Rate(1, 60)):
        for _attempt in range(2):
            _sign_in(page, ADA)
    expect(page.get_by_text("You can try again in")).to_be_visible()
    yield "login-limited", page
    for code in (400, 403, 429, 500):
        with patch.dict(server.app.view_functions, {"main.home": lambda code=code: abort(code)}):
            page.goto("/")
        yield f"error-{code}", page
    with patch.dict(server.app.view_functions, {"main.home": _database_away}):
        page.goto("/")
    yield "error-503", page


PARTS = (
    signed_out,
    waiting,
    confirmation_links,
    account,
    second_step,
    lost_factor,
    security,
    administration,
    api,
    errors,
)

# The routes that each part must show. tests/browser/test_tour.py names those that no part shows.
ROUTES: dict[Part, set[str]] = {
    signed_out: {"/", "/register", "/login", "/forgot"},
    waiting: {"/unconfirmed"},
    confirmation_links: {"/confirm/<token>"},
    account: {
        "/profile",
        "/profile/password",
        "/profile/email",
        "/profile/delete",
        "/profile/sessions",
        "/profile/activity",
        "/reset/<token>",
        "/email/confirm/<token>",
        "/email/undo/<token>",
        "/dev/mail",
        "/dev/mail/<mail_id>/html",
    },
    second_step: {"/login/second", "/profile/sessions"},
    lost_factor: {"/login/second/lost", "/factors/reset/<token>", "/factors/keep/<token>"},
    security: {
        "/profile/security",
        "/profile/security/totp",
        "/profile/security/recovery-codes",
        "/reauth",
    },
    administration: {
        "/admin/",
        "/admin/people",
        "/admin/people/<account>",
        "/admin/people/<account>/<name>",
        "/admin/mail",
        "/admin/mail/retry/<kind>",
    },
    api: {"/api/docs"},
    errors: set(),
}


def walk(part: Part, server: AppServer, new_page: NewPage) -> Stops:
    """Yields each page of a part after it has loaded completely: a click waits only for the first
    byte of the next page.

    Raises:
        AssertionError: the part has not shown all of its `ROUTES`.
    """
    shown: set[str] = set()
    for name, page in part(server, new_page):
        page.wait_for_load_state()
        shown |= _route(server.app, page.url)
        yield name, page
    assert shown >= ROUTES[part], f"not shown: {ROUTES[part] - shown}"


def _route(app: Flask, url: str) -> set[str]:
    """The route of a page; empty for an error page and for the answer to a form without a GET."""
    with suppress(HTTPException):
        rule, _values = app.url_map.bind("").match(urlsplit(url).path, return_rule=True)
        return {rule.rule}
    return set()


def _end_wait(server: AppServer) -> None:
    """Lets the wait of a lost second factor be over."""
    now = utcnow()
    with server.app.app_context():
        accounts = current_mongo().users
        accounts.update_one({"email_key": ADA}, {"$set": {"factor_reset.ready_on": now}})
        last = {"email_key": ADA, "outbox.kind": LetterKind.FACTOR_RESET_READY.value}
        accounts.update_one(last, {"$set": {"outbox.$.due_on": now}})


def _confirmed(server: AppServer, page: Page) -> None:
    sign_up(page, ADA)
    page.goto(server.mailbox.newest(ADA).link)
    expect(page.locator(".alert-success")).to_be_visible()


def _sign_in(page: Page, email: str) -> None:
    page.goto("/login")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()


def _ask_reset(page: Page, email: str) -> None:
    page.goto("/forgot")
    page.get_by_label("Email address").fill(email)
    page.keyboard.press("Enter")
    expect(page.locator(".alert-info")).to_be_visible()


def _new_password(page: Page, password: str) -> None:
    page.get_by_label("New password", exact=True).fill(password)
    page.get_by_label("New password again", exact=True).fill(password)


def _database_away() -> NoReturn:
    raise AutoReconnect("away")
