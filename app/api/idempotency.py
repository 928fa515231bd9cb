"""Idempotency-Key: a program that lost the answer repeats its request and gets the first answer.

The first request stores that it runs, and then its answer. A repeated one finds the answer. The
answer may have a token, so it is encrypted with a key that is made of the Idempotency-Key, of which
only a hash is stored. Keys are bound to the account, or to the network of the client, and the path.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Response, request, session
from pymongo.collection import Collection

from app.api.answers import reply
from app.api.authentication import bearer_token, signed_in
from app.api.problems import CHALLENGE, problem
from app.mongo import current_mongo
from app.security import rate_limits
from app.security.encryption import derived_keys
from app.users.clock import utcnow
from app.users.documents import Document
from app.web.client import plain_client

_LASTS = timedelta(days=1)
# No request takes longer; after this time the first one has died without an answer.
_RUNS = timedelta(seconds=60)
_KEY = re.compile(r"[!-~]{1,255}")
# An answer that a later request would not get again, because nothing was done.
_NOT_KEPT = {409, 429, 500, 503}
_IN_USE = 409


def once(view: Callable[[], Response]) -> Response:
    """Calls the view, unless a request with the same Idempotency-Key has been answered."""
    key = request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        return problem("idempotency_key_invalid")
    now, stored_id, body = utcnow(), _stored_id(key), _digest(request.get_data())
    earlier = _claim(stored_id, body, now)
    if earlier is None:
        return _run(view, key, stored_id, now)
    if earlier["body"] != body:
        return problem("idempotency_key_reused")
    if earlier.get("answer") is None:
        return problem("idempotency_key_in_use", retry_after=int(_RUNS.total_seconds()))
    return _again(key, earlier["answer"])


def _run(view: Callable[[], Response], key: str, stored_id: str, now: datetime) -> Response:
    try:
        answer = view()
    except Exception:
        _answers().delete_one({"_id": stored_id, "began_on": now})
        raise
    if not _is_kept(answer):
        _answers().delete_one({"_id": stored_id, "began_on": now})
    else:
        stored = _encrypt(key, _as_text(answer))
        _answers().update_one({"_id": stored_id, "began_on": now}, {"$set": {"answer": stored}})
    return answer


def _is_kept(answer: Response) -> bool:
    """Whether a repetition gets this answer. A refusal of a stranger is made anew: nothing was
    done, and no limit bounds how many could be stored."""
    if answer.status_code >= 400 and signed_in() is None:
        return False
    return answer.status_code not in _NOT_KEPT


def _claim(stored_id: str, body: str, now: datetime) -> Document | None:
    """Stores that this request runs, and returns None; or returns what an earlier one has stored.
    One command, unless the earlier request died or its answer is too old."""
    new = {"body": body, "began_on": now, "expires_on": now + _LASTS}
    earlier = _answers().find_one_and_update({"_id": stored_id}, {"$setOnInsert": new}, upsert=True)
    if earlier is None:
        return None
    died = earlier.get("answer") is None and earlier["began_on"] <= now - _RUNS
    if earlier["expires_on"] > now and not (died and earlier["body"] == body):
        return earlier
    same = {"_id": stored_id, "began_on": earlier["began_on"]}
    replaced = _answers().update_one(same, {"$set": new, "$unset": {"answer": ""}})
    return None if replaced.matched_count else {**new, "answer": None}


def _answers() -> Collection[Document]:
    return current_mongo().database["idempotency"]


def _stored_id(key: str) -> str:
    """A hash of the key, and of what it is bound to."""
    found = signed_in()
    whose = str(found.user.id) if found else rate_limits.network_of(plain_client())
    face = "token" if bearer_token() is not None else "cookie"
    return _digest("\n".join([whose, face, request.method, request.path, key]).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _as_text(answer: Response) -> str:
    """Status, body and media type, and the cookie's content where this answer sets it."""
    kept = {
        "status": answer.status_code,
        "body": answer.get_data(as_text=True),
        "type": answer.mimetype,
    }
    # Only read for a browser: reading it adds `Vary: Cookie`.
    if bearer_token() is None and session.modified:
        kept["session"] = dict(session)
    return json.dumps(kept)


def _again(key: str, stored: str) -> Response:
    text = _decrypt(key, stored)
    if text is None:  # SECRET_KEY has changed since
        return problem("idempotency_key_reused")
    kept: dict[str, Any] = json.loads(text)
    if "session" in kept:
        session.clear()
        session.update(kept["session"])
    if not kept["body"]:
        return reply(status=kept["status"])
    answer = Response(kept["body"], kept["status"], mimetype=kept["type"])
    if answer.status_code == 401:
        answer.headers["WWW-Authenticate"] = CHALLENGE
    return answer


def _encrypt(key: str, text: str) -> str:
    return str(_fernets(key)[0].encrypt(text.encode()).decode())


def _decrypt(key: str, stored: str) -> str | None:
    from cryptography.fernet import InvalidToken

    for fernet in _fernets(key):
        try:
            return str(fernet.decrypt(stored.encode()).decode())
        except InvalidToken:
            continue
    return None


def _fernets(key: str) -> list[Any]:
    """One for each key of the app. A short Idempotency-Key cannot be guessed without them."""
    from cryptography.fernet import Fernet

    return [
        Fernet(base64.urlsafe_b64encode(hmac.digest(ours, key.encode(), "sha256")))
        for ours in derived_keys("idempotency")
    ]
