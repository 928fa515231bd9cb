"""The tour, which the check for accessibility and the gallery use, shows every page of the app."""

from flask import Flask

from tests.browser import tour

# GET routes that are not pages, each with the reason.
NOT_PAGES = {
    "/static/<path:filename>": "a file",
    "/health/live": "JSON for a load balancer",
    "/health/ready": "JSON for a load balancer",
    "/metrics": "text for Prometheus",
    "/unconfirmed/status": "JSON for the script of the waiting page",
    "/profile/security/passkeys/options": "JSON for the script that creates a passkey",
    "/login/passkey/options": "JSON for the script of the sign-in page",
    "/profile/export": "a download",
    "/admin/funnel.csv": "a download",
}
_API = "/api/v1/"


def test_every_page_of_the_app_is_in_the_tour(development: Flask) -> None:
    """`tour.walk` fails when a part does not show the routes that it declares."""
    rules = development.url_map.iter_rules()
    pages = {rule.rule for rule in rules if "GET" in (rule.methods or set())} - NOT_PAGES.keys()
    pages = {page for page in pages if not page.startswith(_API)}
    assert pages == set().union(*tour.ROUTES.values())


def test_every_exception_is_a_route_of_the_app(development: Flask) -> None:
    assert NOT_PAGES.keys() <= {rule.rule for rule in development.url_map.iter_rules()}


def test_every_part_of_the_tour_declares_its_routes() -> None:
    assert tour.ROUTES.keys() == set(tour.PARTS)
