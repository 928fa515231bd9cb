"""Who may see a page: decorators for views."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import current_app, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

P = ParamSpec("P")


def check_confirmed(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Only for people whose address is confirmed. Others go to /login or /unconfirmed."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not current_user.is_authenticated:
            answer: ResponseReturnValue = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
            return answer
        if not current_user.confirmed:
            return redirect(url_for("auth.unconfirmed"))
        return view(*args, **kwargs)

    return guarded


def check_waiting(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Only for people who are signed in and not confirmed. Confirmed people go to the home page."""

    @login_required
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if current_user.confirmed:
            return redirect(url_for("main.home"))
        return view(*args, **kwargs)

    return guarded  # type: ignore[no-any-return]
