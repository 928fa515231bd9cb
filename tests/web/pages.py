"""Checks that every page must pass, error pages, too."""

from typing import Any
from urllib.parse import urlsplit

from bs4 import Tag
from flask import Flask
from werkzeug.test import TestResponse

from app.mongo import current_mongo
from tests.visitor import soup

# Settings that production starts with; its database does not answer.
PRODUCTION = {
    "SECRET_KEY": "k" * 32,
    "SECURITY_PASSWORD_SALT": "s" * 32,
    "MONGODB_URI": "mongodb://127.0.0.1:1/latchkey?timeoutMS=200",
    "PUBLIC_URL": "https://app.example.org",
    "APP_MAIL_SERVER": "mail.example.org",
    "APP_MAIL_DEFAULT_SENDER": "no-reply@example.org",
}

_LOADING = {"src", "href", "action", "data", "poster", "srcset", "formaction"}


def assert_our_page(response: TestResponse, status: int) -> None:
    """Checks that the response is a page of the app with an alert and without internal details."""
    assert response.status_code == status, response.text[:300]
    assert response.mimetype == "text/html"
    page = soup(response)
    assert page.select_one(".lk-brand"), "not a page of the app"
    assert len(page.find_all("h1")) == 1
    assert page.select_one(".alert"), "the page has no alert"
    for inside in ("Traceback", "werkzeug", "pymongo", "File &#34;"):
        assert inside not in response.text


def foreign_content(response: TestResponse) -> list[str]:
    """Inline code and styles of a page, and everything that it loads from other sites."""
    found = []
    for element in soup(response).find_all(True):
        assert isinstance(element, Tag)
        if element.name == "style" or (element.name == "script" and element.get_text(strip=True)):
            found.append(f"inline <{element.name}>")
        for name, value in element.attrs.items():
            if name == "style" or name.startswith("on"):
                found.append(f"{name}={value}")
            parts = urlsplit(str(value))
            elsewhere = parts.netloc or parts.scheme not in {"", "data"}
            if name in _LOADING and elsewhere and element.name != "a":
                found.append(f"{element.name} {name}={value}")
    return found


def documents(app: Flask) -> list[dict[str, Any]]:
    """All stored accounts."""
    with app.app_context():
        return list(current_mongo().users.find())
