"""The storages: models and datastore, each as in the quick start of Flask-Security."""
# mypy: disable-error-code="import-not-found"

from typing import Any

from flask import Flask


def mongoengine(_app: Flask, uri: str) -> Any:
    """Accounts in MongoDB."""
    from flask_security import MongoEngineUserDatastore, RoleMixin, UserMixin, naive_utcnow
    from mongoengine import Document, connect
    from mongoengine import fields as f

    db = connect(host=uri)

    class Role(Document, RoleMixin):
        name = f.StringField(max_length=80, unique=True)
        description = f.StringField(max_length=255)
        permissions = f.ListField(required=False)

    class User(Document, UserMixin):
        email = f.StringField(max_length=255, unique=True)
        password = f.StringField(max_length=255)
        active = f.BooleanField(default=True)
        fs_uniquifier = f.StringField(max_length=64, unique=True)
        confirmed_at = f.DateTimeField()
        create_datetime = f.DateTimeField(default=naive_utcnow)
        roles = f.ListField(f.ReferenceField(Role), default=[])

    return MongoEngineUserDatastore(db, User, Role)


def sqlalchemy(app: Flask, uri: str) -> Any:
    """Accounts in an SQL database; in the benchmark, a file of SQLite."""
    from flask_security import SQLAlchemyUserDatastore
    from flask_security.models import fsqla_v3 as fsqla
    from flask_sqlalchemy import SQLAlchemy

    app.config["SQLALCHEMY_DATABASE_URI"] = uri
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": True}
    db: Any = SQLAlchemy(app)
    fsqla.FsModels.set_db_info(db)

    class Role(db.Model, fsqla.FsRoleMixin):
        pass

    class User(db.Model, fsqla.FsUserMixin):
        pass

    return SQLAlchemyUserDatastore(db, User, Role)


STORAGES = {"mongoengine": mongoengine, "sqlalchemy": sqlalchemy}
