"""Who may see a page or use the API: the rule, and decorators for pages."""

from collections.abc import Callable
from enum import Enum
from functools import wraps
from typing import ParamSpec

from flask import current_app, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from app.web.second_factor_policy import everybody_needs_factor, lacks_factor

P = ParamSpec("P")


class Missing(Enum):
    """What a person lacks who may not go on."""

    SESSION = "not signed in"
    CONFIRMATION = "address not confirmed"
    SECOND_FACTOR = "no second factor, although the policy asks everybody for one"


def missing(*, factor_needed: bool = True) -> Missing | None:
    """What the viewer lacks to use the app as a person whose address is confirmed.

    Args:
        factor_needed: False for what a person needs to set a second factor up.
    """
    if not current_user.is_authenticated:
        return Missing.SESSION
    if not current_user.confirmed:
        return Missing.CONFIRMATION
    if factor_needed and everybody_needs_factor() and lacks_factor(current_user.user):
        return Missing.SECOND_FACTOR
    return None


def check_confirmed(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Only for people whose address is confirmed, and who have a second factor if the policy asks
    for one. Others go to /login, /unconfirmed or /profile/security."""
    return _guarded(view, factor_needed=True)


def check_confirmed_without_factor(
    view: Callable[P, ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Only for people whose address is confirmed, also where a second factor is due: for the pages
    that a person needs to set one up."""
    return _guarded(view, factor_needed=False)


def _guarded(
    view: Callable[P, ResponseReturnValue], *, factor_needed: bool
) -> Callable[P, ResponseReturnValue]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        match missing(factor_needed=factor_needed):
            case Missing.SESSION:
                answer: ResponseReturnValue = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
                return answer
            case Missing.CONFIRMATION:
                return redirect(url_for("auth.unconfirmed"))
            case Missing.SECOND_FACTOR:
                return redirect(url_for("account.security"))
            case None:
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
