"""The blueprint to which the modules of this package add their routes."""

from flask import Blueprint

bp = Blueprint("auth", __name__)
