"""Flask extensions without an app; `create_app` binds them."""

from flask_mail import Mail
from flask_wtf import CSRFProtect

csrf = CSRFProtect()
mail = Mail()
