"""Searching people, and the page of one person."""

from typing import Any

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pymongo.errors import ExecutionTimeout

from app.admin.administer import action_words
from app.admin.blueprint import bp
from app.flows.sessions import sessions_of
from app.mongo import account_search
from app.users.account_search import AccountFilter, CursorError, Person
from app.users.clock import utcnow
from app.users.user import User
from app.web.activity_lines import activity_line, session_line
from app.web.humanize import duration

_LABELS = {
    AccountFilter.ALL: "All",
    AccountFilter.WAITING: "Waiting",
    AccountFilter.CONFIRMED: "Confirmed",
    AccountFilter.ADMINISTRATORS: "Administrators",
    AccountFilter.DISABLED: "Disabled",
    AccountFilter.REFUSED: "Mail refused",
}


@bp.get("/people", endpoint="people")
def index() -> ResponseReturnValue:
    """The list of people, newest first, filtered by state and by a part of the address."""
    part, asked = request.args.get("q", "").strip()[:254], request.args.get("state", "all")
    state = AccountFilter(asked) if asked in set(AccountFilter) else AccountFilter.ALL
    problem, page = "", None
    try:
        page = account_search.page(state, part, request.args.get("after", ""))
    except ExecutionTimeout:
        problem = "This search takes too long. Type more of the address."
    except CursorError:
        abort(404)
    here: dict[str, Any] = {
        "q": part or None,
        "state": None if state is AccountFilter.ALL else state.value,
    }
    return render_template(
        "admin/people.html",
        rows=[_row(person) for person in page.people] if page else [],
        problem=problem,
        part=part,
        state=state,
        states=[(name, label, _url(here, state=name)) for name, label in _LABELS.items()],
        older=_url(here, after=page.older) if page and page.older else None,
        newest=_url(here) if request.args.get("after") else None,
    )


def _url(here: dict[str, Any], **other: Any) -> str:
    if other.get("state") is AccountFilter.ALL:
        other["state"] = None
    return url_for("admin.people", **{**here, **other})


def _row(person: Person) -> dict[str, Any]:
    user = person.user
    return {
        "id": str(user.id),
        "user": user,
        "took": _took(user),
        "troubled": len(person.troubled),
        "refused": bool(user.confirm_mail and user.confirm_mail.refused),
    }


def _took(user: User) -> str | None:
    return duration(user.confirmed_on - user.registered_on) if user.confirmed_on else None


def _factors(user: User) -> str:
    """The second factors in words; empty if there is none."""
    if not user.has_second_factor:
        return ""
    left = len(user.recovery_codes.hashes) if user.recovery_codes else 0
    parts = [
        "an authenticator app" if user.totp else "",
        _count(len(user.passkeys), "passkey") if user.passkeys else "",
        _count(left, "recovery code"),
    ]
    words = ", ".join(part for part in parts if part)
    return words[0].upper() + words[1:]


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


@bp.get("/people/<account>")
def person(account: str) -> ResponseReturnValue:
    """What an administrator needs to help the owner of one account."""
    found = account_search.person(account)
    if found is None:
        abort(404)
    now = utcnow()
    return render_template(
        "admin/person.html",
        person=found,
        user=found.user,
        took=_took(found.user),
        factors=_factors(found.user),
        sessions=[session_line(entry) for entry in sessions_of(found.user)],
        events=[activity_line(entry, owner="the owner") for entry in found.events],
        actions=action_words(found.user),
        now=now,
    )
