"""Checks settings, keys, PUBLIC_URL, MongoDB and the mail server; changes and sends nothing.

It tests the features of MongoDB on a new collection, which it removes afterwards.

Prints one line for each check: ok, note, or FIX with what to do. Exit status: 1 if there is a FIX.
"""

import _root  # noqa: F401, I001 (first, so that app can be imported)
import os
import sys
from collections.abc import Iterator

import config
from app.diagnostics.finding import Finding, Verdict, fix, note
from app.diagnostics.mongodb import check_mongodb
from app.diagnostics.settings import check_keys, check_public_url, check_settings
from app.diagnostics.smtp import check_queue, check_smtp


def main() -> int:
    try:
        settings, problems = config.read(os.environ)
    except config.ConfigError as error:
        settings, problems = None, error.problems
    all_well = True
    for finding in examine(settings, problems):
        print(finding, flush=True)  # some checks take seconds
        all_well = all_well and finding.verdict is not Verdict.FIX
    return 0 if all_well else 1


def examine(settings: config.BaseConfig | None, problems: list[str]) -> Iterator[Finding]:
    """Runs every check that is possible. A note names each check that a wrong setting prevents."""
    if settings is None:
        yield from (fix("settings", problem, "see docs/settings.md") for problem in problems)
        return
    yield from check_settings(settings, problems)
    yield from check_keys(settings)
    wrong = {problem.partition(" ")[0].removesuffix("_FILE") for problem in problems}
    if "PUBLIC_URL" in wrong:
        yield note("PUBLIC_URL", "not checked, because the setting is invalid")
    else:
        yield from check_public_url(settings)
    if "MONGODB_URI" in wrong:
        yield note("mongodb", "not checked, because MONGODB_URI is invalid")
    else:
        yield from check_mongodb(settings.MONGODB_URI)
    if any(name.startswith("APP_MAIL_") for name in wrong - {"APP_MAIL_DEFAULT_SENDER"}):
        yield note("mail server", "not checked, because an APP_MAIL_* setting is invalid")
    else:
        yield from check_smtp(settings)
    if "MONGODB_URI" not in wrong:
        yield from check_queue(settings)


if __name__ == "__main__":
    sys.exit(main())
