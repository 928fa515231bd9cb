"""Looking people up."""

from typing import Any

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pymongo.errors import ExecutionTimeout

from app.activity import line, place
from app.admin.actions import possible
from app.admin.blueprint import bp
from app.clock import utcnow
from app.mongo import people
from app.phrases import duration
from app.users.people import Person, State
from app.users.user import User

_LABELS = {
    State.ALL: "All",
    State.WAITING: "Waiting",
    State.CONFIRMED: "Confirmed",
    State.ADMINISTRATORS: "Administrators",
    State.DISABLED: "Disabled",
    State.REFUSED: "Mail refused",
}


@bp.get("/people", endpoint="people")
def index() -> ResponseReturnValue:
    """Newest first, by state and by a part of the address."""
    part, asked = request.args.get("q", "").strip()[:254], request.args.get("state", "all")
    state = State(asked) if asked in set(State) else State.ALL
    problem, page = "", None
    try:
        page = people.page(state, part, request.args.get("after", ""))
    except ExecutionTimeout:
        problem = "This takes too long among so many accounts. Type more of the address."
    except ValueError:
        abort(404)
    here: dict[str, Any] = {"q": part or None, "state": None if state is State.ALL else state.value}
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
    if other.get("state") is State.ALL:
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


@bp.get("/people/<account>")
def person(account: str) -> ResponseReturnValue:
    """All about one account that helps to help its owner."""
    found = people.person(account)
    if found is None:
        abort(404)
    now = utcnow()
    return render_template(
        "admin/person.html",
        person=found,
        user=found.user,
        took=_took(found.user),
        sessions=[place(entry) for entry in found.user.sessions if entry.alive(now)],
        events=[line(event, owner="the owner") for event in found.events],
        actions=possible(found.user),
        now=now,
    )
