"""The description of the API: the OpenAPI document for programs, and a page for people.

The page is made on the server. The usual viewers need inline styles, which the CSP refuses, and
scripts of more than a megabyte.
"""

from typing import Any

from flask import Blueprint, Response, current_app, json, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

from app.api.blueprint import bp
from app.api.openapi import codes_of, openapi_document, path_of
from app.api.operations import OPERATIONS
from app.api.problems import PROBLEMS
from app.security import cookies
from app.web.api_paths import API

docs = Blueprint("api_docs", __name__)


@bp.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    """The OpenAPI 3.1 document."""
    answer = Response(json.dumps(_document()), mimetype="application/json")
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


@docs.get("/api/docs")
def viewer() -> ResponseReturnValue:
    """The same as a page."""
    document = _document()
    return render_template(
        "api/docs.html",
        document=document,
        tags=[tag["name"] for tag in document["tags"]],
        operations=list(OPERATIONS.items()),
        codes_of=codes_of,
        path_of=path_of,
        schemas=document["components"]["schemas"],
        problems=PROBLEMS,
    )


def _document() -> dict[str, Any]:
    server = f"{current_app.config['PUBLIC_URL']}{API}"
    return openapi_document(current_app.config["APP_NAME"], server, cookies.name("session"))


@docs.app_template_filter("with_code")
def _with_code(text: str) -> Markup:
    """HTML of a sentence: what is in backticks becomes code."""
    parts = str(escape(text)).split("`")
    html = [f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts)]
    return Markup("".join(html))  # noqa: S704 (it is escaped above)
