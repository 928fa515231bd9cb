"""The template cache: parts that are the same on many pages are rendered once.

The frame of a page (its head, the brand, the navigation) took more time than everything else.
"""

from collections.abc import Hashable
from functools import lru_cache

from flask import Flask, request
from markupsafe import Markup


def init_app(app: Flask) -> None:
    """Gives templates `fragment`."""

    def render(template: str, _script_root: str, values: frozenset[tuple[str, Hashable]]) -> Markup:
        # Nothing of the first visitor may be cached: of the request a fragment has only these
        # values and `script_root`, on which paths depend.
        nobody = {"request": None, "session": None, "g": None}
        fragment = app.jinja_env.get_template(template)
        return Markup(fragment.render(nobody | dict(values)))  # noqa: S704

    # In development each page shows the templates as they are.
    cached = render if app.jinja_env.auto_reload else lru_cache(maxsize=256)(render)

    def fragment(template: str, **values: Hashable) -> Markup:
        """A template rendered with these values and nothing else. Each value is one of a few."""
        return cached(template, request.script_root, frozenset(values.items()))

    app.jinja_env.globals["fragment"] = fragment
