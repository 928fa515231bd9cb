"""Who may see a page: decorators for views."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import current_app, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from app.web.second_factor_policy import everybody_needs_factor, lacks_factor

P = ParamSpec("P")


def check_confirmed(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Only for people whose address is confirmed, and who have a second factor if the policy asks
    for one. Others go to /login, /unconfirmed or /profile/security."""

    @check_confirmed_without_factor
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if everybody_needs_factor() and lacks_factor(current_user.user):
            return redirect(url_for("account.security"))
        return view(*args, **kwargs)

    return guarded


def check_confirmed_without_factor(
    view: Callable[P, ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Only for people whose address is confirmed, also where a second factor is due: for the pages
    that a person needs to set one up."""

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
