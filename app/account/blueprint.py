"""The blueprint that the modules of this package put their routes on."""

from flask import Blueprint

bp = Blueprint("account", __name__, url_prefix="/profile")
