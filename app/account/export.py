"""Downloading everything that is held about the account."""

import json
from datetime import datetime

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.account.blueprint import bp
from app.flows import export as flow
from app.web.access import check_confirmed
from app.web.client import current_client


@bp.get("/export")
@check_confirmed
def export() -> ResponseReturnValue:
    """A JSON download; times are ISO 8601 in UTC."""
    as_file = {"Content-Disposition": 'attachment; filename="account.json"'}
    if request.method == "HEAD":  # nothing is downloaded, so nothing is recorded
        return Response(mimetype="application/json", headers=as_file)
    held = flow.export(current_user.user, current_client())
    # Flask would write times as HTTP headers do.
    body = json.dumps(held, default=datetime.isoformat, ensure_ascii=False, indent=2)
    return Response(body, mimetype="application/json", headers=as_file)
