"""Signing out."""

from bson import ObjectId

from app.mongo import users


def sign_out(user_id: ObjectId, session_id: str) -> None:
    """Ends a session on the server, so that a copied cookie stops working."""
    users.sign_out(user_id, session_id)
