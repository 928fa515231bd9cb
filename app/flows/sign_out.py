"""Signing out."""

from bson import ObjectId

from app.mongo import decoys, users


def sign_out(user_id: ObjectId, session_id: str, *, decoy: bool = False) -> None:
    """Ends a session on the server, so that a copied cookie or token stops working."""
    store = decoys if decoy else users
    store.sign_out(user_id, session_id)
