"""Advice on an address while somebody types it."""

from dataclasses import dataclass

from app.security import rate_limits
from app.security.rate_limits import Limited
from app.users.address_advice import did_you_mean, seems_undeliverable
from app.users.addresses import AddressError, parse_address, unwrapped
from app.users.client import Client


@dataclass(frozen=True, slots=True)
class Advice:
    """The advice about an address."""

    suggestion: str | None = None
    """The address that was probably meant."""
    undeliverable: bool = False
    """DNS says that the domain takes no mail."""


def advise(typed: str, client: Client) -> Advice | Limited:
    """Gives advice about the address that was typed so far."""
    if limited := rate_limits.check(rate_limits.by_client("advice", client)):
        return limited
    try:
        address = parse_address(typed)
    except AddressError:
        return Advice(unwrapped(typed))
    if suggestion := did_you_mean(address.typed):
        return Advice(suggestion)  # one piece of advice is enough
    return Advice(undeliverable=seems_undeliverable(address.domain))
