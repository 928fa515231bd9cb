"""Limits the size of the `Cookie` header."""

from flask import Flask, abort, request

from app.web.assets import PREFIX

# Bytes; most servers have this limit. gunicorn.conf.py accepts more, so that a page can say what to
# do.
MAX_COOKIES = 8 * 1024


def init_app(app: Flask) -> None:
    """Answers 431 to a browser that sends too many cookies. Other applications on the domain may
    have set them.

    Static files are still answered, because the page needs its style sheet.
    """
    app.before_request(_refuse_too_many_cookies)


def _refuse_too_many_cookies() -> None:
    sent = request.environ.get("HTTP_COOKIE", "")
    if len(sent) > MAX_COOKIES and not request.path.startswith(PREFIX):
        abort(431)
