"""Who may see a page."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import current_app, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

P = ParamSpec("P")


def check_confirmed(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Only for those whose address is proven; others are led to what they can do about it."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not current_user.is_authenticated:
            answer: ResponseReturnValue = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
            return answer
        if not current_user.confirmed:
            return redirect(url_for("auth.unconfirmed"))
        return view(*args, **kwargs)

    return guarded
