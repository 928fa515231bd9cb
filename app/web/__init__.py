"""What all pages share."""

from flask import Flask

from app.web import (
    assets,
    error_pages,
    headers,
    humanize,
    mangled_links,
    request_bodies,
    request_headers,
    viewer,
)


def init_app(app: Flask) -> None:
    """Sets up headers, error pages, the viewer and what templates use."""
    mangled_links.init_app(app)
    assets.init_app(app)
    headers.init_app(app)
    request_headers.init_app(app)
    request_bodies.init_app(app)
    humanize.init_app(app)
    error_pages.init_app(app)
    viewer.init_app(app)
