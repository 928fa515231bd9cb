"""The blueprint that the modules of this package put their routes on."""

from flask import Blueprint

bp = Blueprint("auth", __name__)
