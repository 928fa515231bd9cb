"""Who must have a second factor (the setting REQUIRE_SECOND_FACTOR)."""

from flask import current_app

from app.users.user import User


def everybody_needs_factor() -> bool:
    """Whether the policy asks everybody for a second factor."""
    return bool(current_app.config["REQUIRE_SECOND_FACTOR"] == "everybody")


def lacks_factor(user: User) -> bool:
    """Whether this person must have a second factor and has none. Only confirmed people can add
    one."""
    policy = current_app.config["REQUIRE_SECOND_FACTOR"]
    due = policy == "everybody" or (policy == "administrators" and user.admin)
    return due and user.confirmed and not user.has_second_factor
