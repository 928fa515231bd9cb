"""The blueprint of the API."""

from flask import Blueprint

from app.web.api_paths import API

bp = Blueprint("api", __name__, url_prefix=API)
