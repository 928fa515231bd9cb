"""The floor: the least code on bare Flask, pymongo and bcrypt that does the same steps.

It is no product. It checks no form, no strength of a password and no CSRF token. It sends no mail,
limits nothing and logs nothing. Its sessions never end, and its pages are short. It shares with
ours what every product needs: the cost of the hash, writes that a majority has journalled, one
command for each step, a signed cookie, a template for each page.
"""

import os
from typing import Any

import bcrypt
from bson import ObjectId
from flask import Flask, abort, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from itsdangerous import URLSafeTimedSerializer
from pymongo import MongoClient

ROUNDS = int(os.environ.get("BCRYPT_LOG_ROUNDS", "12"))
LINK_SALT = "floor:confirm"


def create_app() -> Flask:
    """The app, for gunicorn."""
    app = Flask(__name__)
    app.secret_key = os.environ["SECRET_KEY"]
    links = URLSafeTimedSerializer(app.secret_key, salt=LINK_SALT)
    client: MongoClient[dict[str, Any]] = MongoClient(
        os.environ["MONGODB_URI"], w="majority", journal=True
    )
    users = client.get_default_database()["users"]

    @app.get("/")
    def home() -> ResponseReturnValue:
        user = users.find_one({"_id": ObjectId(session["user"])})
        return render_template("page.html", user=user)

    @app.get("/login")
    def login() -> ResponseReturnValue:
        return render_template("form.html")

    @app.post("/register")
    def register() -> ResponseReturnValue:
        password_hash = bcrypt.hashpw(request.form["password"].encode(), bcrypt.gensalt(ROUNDS))
        found = users.update_one(
            {"email_key": request.form["email"].lower(), "confirmed": False},
            {"$set": {"email": request.form["email"], "password_hash": password_hash.decode()}},
            upsert=True,
        )
        session["user"] = str(found.upserted_id)
        return redirect("/")

    @app.get("/confirm/<token>")
    def confirm(token: str) -> ResponseReturnValue:
        guard = {"_id": ObjectId(links.loads(token, max_age=3600)), "confirmed": False}
        if not users.update_one(guard, {"$set": {"confirmed": True}}).matched_count:
            abort(404)
        return redirect("/")

    return app
