"""The files, tests, links, settings and events that the documents name exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import config
from app.users.events import EventKind

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
SECURITY = ROOT / "docs" / "security.md"
SETTINGS = ROOT / "docs" / "settings.md"
PICTURES = ROOT / "docs" / "screenshots"

# Settings that another file than config.py reads.
_READ_ELSEWHERE = {
    "ADMIN_PASSWORD": "scripts/create_admin.py",
    "PROMETHEUS_MULTIPROC_DIR": "gunicorn.conf.py",
}
# [text](target) and ![text](target), but not in backticks.
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)

# `tests/x.py`, `tests/x.py::test_y`. `::test_z` alone is in the last file that its line names.
_NAMED = re.compile(r"`((?:app|bench|scripts|tests)/[\w/.-]+\.py)?((?:::\w+)*)`")
_OUTCOMES = {"done", "refused", "failed"}
# The first text in a call of the audit log, and the lines that store a name for a later call.
_RECORDED = re.compile(r'\b_?record\([^)"]*"(\w+)"')
_STORED = re.compile(r"^ *(?:event|_RECORDED) = .*", re.MULTILINE)
_TEXT = re.compile(r'"(\w+)"')


def named(document: Path) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Line, file, and the names after it: a test, a class and a test, or none."""
    for number, line in enumerate(document.read_text().splitlines(), 1):
        file = ""
        for found in _NAMED.finditer(line):
            file = found[1] or file
            if found[1] or found[2]:
                yield number, file, tuple(found[2].split("::")[1:])


def is_defined(file: str, names: tuple[str, ...]) -> bool:
    """Whether a file has a function or class, or a class with a method, of these names."""
    text, indent = (ROOT / file).read_text(), ""
    for name in names:
        found = re.search(
            rf"^{indent}(?:class|def) {name}\b.*\n((?: .*\n|\n)*)", text, re.MULTILINE
        )
        if not found:
            return False
        text, indent = found[1], indent + "    "
    return True


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_and_test_that_a_document_names_exists(document: Path) -> None:
    wrong = []
    for number, file, names in named(document):
        if not (ROOT / file).is_file() or not is_defined(file, names):
            wrong.append(f"{document.name}:{number}: {'::'.join((file, *names))}")
    assert wrong == []


def test_the_document_on_security_names_over_100_tests() -> None:
    """If the pattern of names were wrong, the check above would find nothing."""
    assert sum(bool(names) for _line, _file, names in named(SECURITY)) > 100


def events_in_the_document() -> set[str]:
    """The events in the first column of the table."""
    text = SECURITY.read_text()
    section = text.partition("\n## 5. ")[2].partition("\n## 6. ")[0]
    first = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    return {word for cell in first for word in re.findall(r"`(\w+)`", cell)}


def events_in_the_code() -> set[str]:
    """The events of the domain, and the names that the app passes to its audit log."""
    names = {str(kind) for kind in EventKind}
    for path in (ROOT / "app").rglob("*.py"):
        text = path.read_text()
        names.update(_RECORDED.findall(text))
        names.update(name for line in _STORED.findall(text) for name in _TEXT.findall(line))
    return names - _OUTCOMES


def test_the_table_of_events_has_the_events_that_the_code_records() -> None:
    assert events_in_the_document() == events_in_the_code()


def links(document: Path) -> Iterator[tuple[Path, str]]:
    """The local files that a document links to, each with its anchor."""
    for target in _LINK.findall(_CODE.sub("", document.read_text())):
        if "://" not in target:
            file, _, anchor = target.partition("#")
            yield (document.parent / file).resolve() if file else document, anchor


def anchors(document: Path) -> set[str]:
    """The anchors of the headings of a document, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_local_link_of_a_document_works(document: Path) -> None:
    broken = [
        f"{file.name}#{anchor}"
        for file, anchor in links(document)
        if not file.exists() or (anchor and anchor not in anchors(file))
    ]
    assert broken == []


def test_documents_show_every_picture_in_the_repository() -> None:
    shown = {file for document in DOCUMENTS for file, _anchor in links(document)}
    kept = set(PICTURES.rglob("*.png"))
    assert kept
    assert kept == {file for file in shown if file.suffix == ".png"}


class RecordedVariables(dict[str, str]):
    """An environment that records the variables that a program reads."""

    def __init__(self, kind: str) -> None:
        super().__init__(APP_SETTINGS=kind, SECRET_KEY="s" * 32, SECURITY_PASSWORD_SALT="p" * 32)
        self.read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().get(key, default)


def settings_in_the_code() -> set[str]:
    """The variables that any of the configurations reads."""
    names: set[str] = set()
    for kind in config.CONFIGS:
        variables = RecordedVariables(kind)
        config.read(variables)
        names |= variables.read
    return names


def secret_files(names: set[str]) -> set[str]:
    """The settings that name a file with another setting, which is a secret."""
    return {name for name in names if name.removesuffix("_FILE") in names - {name}}


def test_the_document_on_settings_names_each_setting_once_and_no_other() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", SETTINGS.read_text(), re.MULTILINE)
    read = settings_in_the_code()
    assert sorted(documented) == sorted((read - secret_files(read)) | _READ_ELSEWHERE.keys())


def test_the_document_on_settings_lists_every_secret_that_a_file_can_hold() -> None:
    section = SETTINGS.read_text().partition("\n## Secrets from files\n")[2].partition("\n## ")[0]
    listed = re.findall(r"`(\w+_FILE)`", section)
    # scripts/create_admin.py reads it as config.py reads the others.
    assert sorted(listed) == sorted({*secret_files(settings_in_the_code()), "ADMIN_PASSWORD_FILE"})


@pytest.mark.parametrize(("name", "file"), _READ_ELSEWHERE.items())
def test_a_setting_of_another_file_is_read_there(name: str, file: str) -> None:
    assert f'"{name}"' in (ROOT / file).read_text()
