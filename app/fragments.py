"""Parts of pages that are the same again and again, each rendered once: what frames a page (its
head, the brand, the navigation) took more of its time than all that is particular to it."""

from collections.abc import Hashable
from functools import lru_cache

from flask import Flask, request
from markupsafe import Markup


def init_app(app: Flask) -> None:
    """Gives templates `fragment`."""

    def render(template: str, _script_root: str, values: frozenset[tuple[str, Hashable]]) -> Markup:
        # Nothing of whoever comes first may be remembered: of the request a fragment has these
        # values, and `script_root`, of which paths depend.
        nobody = {"request": None, "session": None, "g": None}
        fragment = app.jinja_env.get_template(template)
        return Markup(fragment.render(nobody | dict(values)))  # noqa: S704

    # While templates are being written, each page shows them as they are.
    remembered = render if app.jinja_env.auto_reload else lru_cache(maxsize=256)(render)

    def fragment(template: str, **values: Hashable) -> Markup:
        """A template rendered with these values and nothing else; each of few."""
        return remembered(template, request.script_root, frozenset(values.items()))

    app.jinja_env.globals["fragment"] = fragment
