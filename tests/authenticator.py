"""An authenticator app. Its codes come from `oathtool`, which shares no code with the app."""

import re
import subprocess
from datetime import datetime

from bs4 import BeautifulSoup

from app.users.clock import utcnow


class AuthenticatorApp:
    """A phone with one secret, in base32."""

    def __init__(self, secret: str) -> None:
        self.secret = re.sub(r"\s", "", secret)

    @classmethod
    def scanning(cls, page: BeautifulSoup) -> "AuthenticatorApp":
        """The app of a person who types the secret that the page shows."""
        shown = page.select_one("[data-secret]")
        assert shown is not None, "the page shows no secret"
        return cls(shown.get_text())

    def code(self, *, steps: int = 0, now: datetime | None = None) -> str:
        """The code that is shown now, or so many steps of 30 seconds later."""
        moment = int((now or utcnow()).timestamp()) + 30 * steps
        command = ["oathtool", "--totp", "--base32", f"--now=@{moment}", self.secret]
        return subprocess.check_output(command, text=True).strip()
