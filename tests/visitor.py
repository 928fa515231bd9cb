"""A simulated browser profile: it keeps cookies and fills in the forms of pages."""

from typing import Any

from bs4 import BeautifulSoup, Tag
from flask import Flask
from werkzeug.test import TestResponse

from app.mongo import users
from app.users.addresses import parse_address
from app.users.clock import utcnow
from app.users.passwords import hash_password

PASSWORD = "correct horse battery staple"


class Visitor:
    """A person with a browser profile."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        """Opens a page."""
        return self.client.get(path, **options)

    def submit(self, path: str, *, on: str | None = None, **fields: str) -> TestResponse:
        """Fills in and sends the form for `path` on the page `on` (default: `path`); see `fill`."""
        return self.client.post(path, data=self.fill(path, on=on, **fields))

    def fill(self, path: str, *, on: str | None = None, **fields: str) -> dict[str, str]:
        """The data that the form for `path` on the page `on` (default: `path`) sends.

        Fields that are not given keep the values of the page, such as the CSRF token. Fails when
        the page has no such form, because a person could not send it.
        """
        page = self.client.get(on or path, follow_redirects=True)
        form = _form(page.text, path.partition("?")[0], page.request.path, set(fields))
        values = {
            str(field["name"]): str(field.get("value", ""))
            for field in form.find_all("input")
            if field.get("name") and field.get("type") not in {"checkbox", "submit"}
        }
        unknown = set(fields) - values.keys() - _checkboxes(form)
        assert not unknown, f"the form has no {unknown}"
        return values | fields

    def forge(self, path: str, data: Any = None, **options: Any) -> TestResponse:
        """Posts data without a form on a page, with a valid CSRF token."""
        token = self.page("/login").find("input", attrs={"name": "csrf_token"})
        assert token is not None
        return self.client.post(
            path, data={"csrf_token": token["value"], **(data or {})}, **options
        )

    def copy(self) -> "Visitor":
        """Another browser with a copy of this session cookie, as a thief would have."""
        thief, cookie = Visitor(self.app), self.client.get_cookie("session")
        assert cookie is not None
        thief.client.set_cookie("session", cookie.value)
        return thief

    def register(self, email: str, password: str = PASSWORD) -> TestResponse:
        """Signs up."""
        return self.submit("/register", email=email, password=password, confirm=password)

    def sign_in(self, email: str, password: str = PASSWORD, **fields: str) -> TestResponse:
        """Signs in."""
        return self.submit("/login", email=email, password=password, **fields)

    def sign_out(self) -> TestResponse:
        """Presses the sign-out button in the navigation."""
        return self.submit("/logout", on="/")

    def cookie(self) -> dict[str, Any]:
        """The content of the session cookie. It is signed, not encrypted."""
        with self.client.session_transaction() as session:
            return dict(session)

    def page(self, path: str) -> BeautifulSoup:
        """The parsed page, after all redirects."""
        return soup(self.client.get(path, follow_redirects=True))


def administrator_of(app: Flask) -> Visitor:
    """A visitor who is signed in as root@example.com, an administrator made at the shell."""
    with app.app_context():
        hashed = hash_password(PASSWORD, app.config["BCRYPT_LOG_ROUNDS"])
        assert users.create_admin(parse_address("root@example.com"), hashed, utcnow())
    root = Visitor(app)
    root.sign_in("root@example.com")
    return root


def soup(response: TestResponse) -> BeautifulSoup:
    """The parsed HTML of a response."""
    return BeautifulSoup(response.text, "html.parser")


def alert(response: TestResponse, kind: str = "") -> str:
    """The text of the alerts on a page; `kind` (`danger`, `success`…) selects some."""
    alerts = soup(response).select(f".alert-{kind}" if kind else ".alert")
    return " ".join(found.get_text(" ", strip=True) for found in alerts)


def errors(response: TestResponse) -> dict[str, str]:
    """The error of each field of a refused form, by the name of the field."""
    found: dict[str, str] = {}
    for field in soup(response).select("input.is-invalid"):
        described = str(field.get("aria-describedby", "")).split()
        texts = [soup(response).find(id=name) for name in described if name.endswith("-error")]
        found[str(field["name"])] = " ".join(text.get_text(strip=True) for text in texts if text)
    return found


def _form(page: str, action: str, current: str, fields: set[str]) -> Tag:
    """The form for the action; if there are several, the first one that has these fields."""
    found = [
        form
        for form in BeautifulSoup(page, "html.parser").find_all("form")
        if str(form.get("method", "")).lower() == "post"
        and str(form.get("action") or current).partition("?")[0] == action
    ]
    assert found, f"no form for {action} on the page {current}"
    named = ({str(field["name"]) for field in form.select("input[name]")} for form in found)
    fitting = (form for form, names in zip(found, named, strict=True) if fields <= names)
    return next(fitting, found[0])


def _checkboxes(form: Tag) -> set[str]:
    return {str(box["name"]) for box in form.find_all("input", type="checkbox")}
