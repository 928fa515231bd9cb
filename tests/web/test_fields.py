"""Which addresses are accepted, and which spellings are the same address."""

import pytest
from flask import Flask

from app.users.addresses import AddressError, AddressProblem
from app.users.passwords import Weakness, WeaknessKind, weakness
from app.web.fields import address_sentence, weakness_sentence
from tests.mailbox import Mailbox
from tests.users.test_passwords import WEAK
from tests.visitor import PASSWORD, Visitor, errors, soup
from tests.web.pages import documents

_LABEL = "d" * 60
LONGEST = f"{'l' * 64}@{_LABEL}.{_LABEL}.{_LABEL}.{'e' * 2}.org"  # 254

_ACCEPTED = {
    "User+Tag@Example.COM": "user+tag@example.com",
    "  ada@example.com\t": "ada@example.com",
    "ada@münchen.example": "ada@xn--mnchen-3ya.example",
    "ada@MÜNCHEN.example": "ada@xn--mnchen-3ya.example",
    "ada@xn--mnchen-3ya.example": "ada@xn--mnchen-3ya.example",
    "ada@пример.example": "ada@xn--e1afmkfd.example",
    "ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ": "ada@example.com",
    "$ne@example.com": "$ne@example.com",
    "o'brien@example.com": "o'brien@example.com",
    "a.b-c_d/e=f@example.com": "a.b-c_d/e=f@example.com",
    LONGEST: LONGEST,
}

_REFUSED = [
    "",
    " ",
    "ada",
    "ada@",
    "@example.com",
    "ada@localhost",
    "ada@@example.com",
    "ada@exa mple.com",
    "ada lovelace@example.com",
    "ada@example.com\r\nBcc: eve@example.com",
    "ada@example.com\n",
    "ada\r@example.com",
    "ada@example.com%0d%0aBcc:eve@example.com",
    "ada\x00@example.com",
    "ada@example.com\x00",
    "ada@example.com,eve@example.com",
    "ada@example.com;eve@example.com",
    "ada,b@example.com",
    "Ada <ada@example.com>",
    "<ada@example.com>",
    '"ada"@example.com',
    '"ada lovelace"@example.com',
    "ada@[127.0.0.1]",
    "ada@[IPv6:::1]",
    "ada@127.0.0.1",
    "ada\u200b@example.com",
    "ada@exam\u200bple.com",
    "ada@example.com\u200d",
    "\ufeffada@example.com",
    "ada\u202e@example.com",
    "ada\xad@example.com",
    "x" + LONGEST,
    f"ada@{'d' * 64}.com",
    "a" * 60_000 + "@example.com",
    "ada@-example.com",
    "ada@example..com",
    ".ada@example.com",
    "ada.@example.com",
    "a..b@example.com",
    "jürgen@example.com",
    "ада@example.com",
    "ada@example.com(comment)",
    "ada\\@example.com",
    "postmaster",
]


@pytest.mark.parametrize("typed", list(_ACCEPTED))
def test_a_valid_address_is_accepted_shown_as_typed_and_mailed_to(
    app: Flask, visitor: Visitor, mailbox: Mailbox, typed: str
) -> None:
    assert visitor.register(typed).location == "/unconfirmed"
    (document,) = documents(app)
    assert (document["email"], document["email_key"]) == (typed.strip(), _ACCEPTED[typed])
    tag = visitor.page("/unconfirmed").select_one(".lk-tag-text")
    assert tag is not None
    assert tag.text == typed.strip()
    assert mailbox.newest(_ACCEPTED[typed]).link
    assert Visitor(app).sign_in(_ACCEPTED[typed]).status_code == 302


@pytest.mark.parametrize("typed", _REFUSED)
def test_an_invalid_address_is_an_error_beside_the_field(
    app: Flask, visitor: Visitor, typed: str
) -> None:
    fields = {"email": typed, "password": PASSWORD, "confirm": PASSWORD}
    refused = visitor.forge("/register", fields)
    assert refused.status_code == 422
    assert set(errors(refused)) == {"email"}
    assert documents(app) == []
    assert visitor.forge("/login", {"email": typed, "password": PASSWORD}).status_code == 422


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ADA@EXAMPLE.COM"),
        ("Ada@Example.com", "ａｄａ@example.com"),
        ("ada@münchen.example", "ada@XN--MNCHEN-3YA.example"),
        ("ada@münchen.example", "ada@mu\u0308nchen.example"),
    ],
)
def test_two_spellings_of_one_address_make_one_account(
    app: Flask, visitor: Visitor, one: str, other: str
) -> None:
    visitor.register(one)
    Visitor(app).register(other, "a second claim on this")
    assert len(documents(app)) == 1
    assert Visitor(app).sign_in(one, "a second claim on this").status_code == 302


def test_mail_keeps_the_case_of_the_local_part(visitor: Visitor, mailbox: Mailbox) -> None:
    visitor.register("User+Tag@Example.COM")
    assert mailbox.all()[0].to == "User+Tag@example.com"


def test_a_refused_form_keeps_the_address_and_drops_the_passwords(
    visitor: Visitor,
) -> None:
    refused = visitor.register("ada@")
    values = {
        str(field["name"]): field.get("value") for field in soup(refused).select("input[name]")
    }
    assert values["email"] == "ada@"
    assert not values["password"]
    assert not values["confirm"]
    assert soup(refused).select_one("input[name=email][autofocus]")


@pytest.mark.parametrize(
    "typed", ["mailto:ada@example.com", "ada@example.com.", "<ada@example.com>"]
)
@pytest.mark.parametrize("path", ["/register", "/login", "/forgot"])
def test_an_address_with_something_around_it_is_refused_and_shown_right(
    visitor: Visitor, path: str, typed: str
) -> None:
    refused = visitor.forge(path, {"email": typed, "password": PASSWORD, "confirm": PASSWORD})
    assert refused.status_code == 422
    assert "Did you mean ada@example.com?" in errors(refused)["email"]


def test_spaces_around_an_address_are_dropped(app: Flask, visitor: Visitor) -> None:
    assert visitor.register("\u00a0ada@example.com\u3000").location == "/unconfirmed"
    assert documents(app)[0]["email"] == "ada@example.com"
    assert Visitor(app).sign_in("\u2003ada@example.com\u00a0").status_code == 302


def test_no_keyboard_corrects_an_address(confirmed: Visitor, visitor: Visitor) -> None:
    pages = [visitor.page(path) for path in ("/register", "/login", "/forgot")]
    for page in [*pages, confirmed.page("/profile/email")]:
        field = page.select_one("input[name=email]")
        assert field
        given = {name: field.get(name) for name in ("autocorrect", "autocapitalize", "inputmode")}
        assert given == {"autocorrect": "off", "autocapitalize": "none", "inputmode": "email"}


@pytest.mark.parametrize("problem", AddressProblem)
def test_each_problem_of_an_address_has_a_sentence(problem: AddressProblem) -> None:
    assert address_sentence(AddressError(problem)).endswith(".")


@pytest.mark.parametrize("kind", WeaknessKind)
def test_each_weakness_of_a_password_has_a_sentence(kind: WeaknessKind) -> None:
    assert weakness_sentence(Weakness(kind)).endswith(".")


@pytest.mark.parametrize("password", WEAK)
def test_a_password_that_is_easy_to_guess_is_refused_with_a_sentence(password: str) -> None:
    found = weakness(password)
    assert found
    assert weakness_sentence(found).endswith(".")
