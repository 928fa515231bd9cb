"""Downloading everything that is stored about the account."""

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.account.blueprint import bp
from app.flows import export as flow
from app.web.access import check_confirmed
from app.web.client import current_client
from app.web.export_document import as_json
from app.web.proof import needs_proof


@bp.get("/export")
@check_confirmed
@needs_proof
def export() -> ResponseReturnValue:
    """A JSON download; times are ISO 8601 in UTC."""
    as_file = {"Content-Disposition": 'attachment; filename="account.json"'}
    if request.method == "HEAD":  # nothing is downloaded, so no event is stored
        return Response(mimetype="application/json", headers=as_file)
    stored = flow.export(current_user.user, current_client())
    return Response(as_json(stored), mimetype="application/json", headers=as_file)
