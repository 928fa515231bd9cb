"""How large a `Cookie` header may be."""

from flask import Flask, abort, request

from app.web.assets import PREFIX

# Bytes, as most servers allow. gunicorn.conf.py lets more in, so that a page can say what to do.
MAX_COOKIES = 8 * 1024


def init_app(app: Flask) -> None:
    """Answers 431 to a browser that sends too many cookies, which others on this domain have set.

    Static files do not care: the page needs its style sheet.
    """
    app.before_request(_refuse_too_many_cookies)


def _refuse_too_many_cookies() -> None:
    sent = request.headers.get("Cookie", "")
    if len(sent) > MAX_COOKIES and not request.path.startswith(PREFIX):
        abort(431)
