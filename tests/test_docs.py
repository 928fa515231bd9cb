"""What the documents name is there: files, tests, links, settings, events of the audit log."""

import ast
import re
from collections.abc import Iterator
from functools import cache
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

# Settings that config.py does not read, and the file that does.
_READ_ELSEWHERE = {
    "ADMIN_PASSWORD": "scripts/create_admin.py",
    "PROMETHEUS_MULTIPROC_DIR": "gunicorn.conf.py",
}
# [text](target) and ![text](target); what is in backticks is no link.
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)

# `tests/x.py`, `tests/x.py::test_y`; `::test_z` alone is in the file that its line named last.
_NAMED = re.compile(r"`((?:app|bench|scripts|tests)/[\w/.-]+\.py)?((?:::\w+)*)`")
_OUTCOMES = {"done", "refused", "failed"}
# How the code calls the audit log, and the variables that hold an event until then.
_RECORDING = {"audit_log.record", "record", "_record"}
_HOLDING = {"event", "_RECORDED"}


def named(document: Path) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Line, file, and the names of a class and a test in it, or of a test, or none."""
    for number, line in enumerate(document.read_text().splitlines(), 1):
        file = ""
        for found in _NAMED.finditer(line):
            file = found[1] or file
            if found[1] or found[2]:
                yield number, file, tuple(found[2].split("::")[1:])


@cache
def definitions(file: str) -> set[tuple[str, ...]]:
    """The names of a file's functions and classes, and of the functions in these."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    tree = ast.parse((ROOT / file).read_text())
    outer = [node for node in tree.body if isinstance(node, kinds)]
    inner = {
        (node.name, part.name) for node in outer for part in node.body if isinstance(part, kinds)
    }
    return {(node.name,) for node in outer} | inner


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_and_test_that_a_document_names_is_there(document: Path) -> None:
    wrong = []
    for number, file, names in named(document):
        there = bool(file) and (ROOT / file).is_file()
        if not there or (names and names not in definitions(file)):
            wrong.append(f"{document.name}:{number}: {'::'.join((file, *names))}")
    assert wrong == []


def test_the_document_on_security_names_many() -> None:
    """The pattern above finds what is written."""
    assert sum(bool(names) for _line, _file, names in named(SECURITY)) > 100


def events_in_the_document() -> set[str]:
    """The first column of the table of events."""
    text = SECURITY.read_text()
    section = text.partition("\n## 5. ")[2].partition("\n## 6. ")[0]
    first = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    return {word for cell in first for word in re.findall(r"`(\w+)`", cell)}


def events_in_the_code() -> set[str]:
    """The domain's events, and the words that the app gives to its audit log."""
    words = {str(kind) for kind in EventKind}
    for path in (ROOT / "app").rglob("*.py"):
        if not {"diagnostics", "deletion_records.py"} & set(path.parts):
            words.update(_given_to_the_audit_log(ast.parse(path.read_text())))
    return words - _OUTCOMES


def _given_to_the_audit_log(tree: ast.AST) -> Iterator[str]:
    """Texts that are passed to `record`, by place, and those that a variable passed to it holds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _RECORDING:
            yield from _texts(*node.args)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in _HOLDING:
            yield from _texts(node.value)


def _texts(*nodes: ast.AST) -> Iterator[str]:
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def test_the_table_of_events_is_what_the_code_records() -> None:
    assert events_in_the_document() == events_in_the_code()


def links(document: Path) -> Iterator[tuple[Path, str]]:
    """The files of this repository that a document links to, and the anchors in them."""
    for target in _LINK.findall(_CODE.sub("", document.read_text())):
        if "://" not in target:
            file, _, anchor = target.partition("#")
            yield (document.parent / file).resolve() if file else document, anchor


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, made as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    broken = [
        f"{file.name}#{anchor}"
        for file, anchor in links(document)
        if not file.exists() or (anchor and anchor not in anchors(file))
    ]
    assert broken == []


def test_the_pictures_in_git_are_those_that_a_document_shows() -> None:
    shown = {file for document in DOCUMENTS for file, _anchor in links(document)}
    kept = set(PICTURES.rglob("*.png"))
    assert kept
    assert kept == {file for file in shown if file.suffix == ".png"}


class RecordedVariables(dict[str, str]):
    """An environment that notes which variables are asked for."""

    def __init__(self, kind: str) -> None:
        super().__init__(APP_SETTINGS=kind, SECRET_KEY="s" * 32, SECURITY_PASSWORD_SALT="p" * 32)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def settings_in_the_code() -> set[str]:
    """The variables that some kind of process reads."""
    asked: set[str] = set()
    for kind in config.CONFIGS:
        variables = RecordedVariables(kind)
        config.read(variables)
        asked |= variables.asked
    return asked


def secret_files(names: set[str]) -> set[str]:
    """The settings that name a file with another setting, which is a secret."""
    return {name for name in names if name.removesuffix("_FILE") in names - {name}}


def test_the_document_on_settings_has_each_setting_once_and_no_other() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", SETTINGS.read_text(), re.MULTILINE)
    read = settings_in_the_code()
    assert sorted(documented) == sorted((read - secret_files(read)) | _READ_ELSEWHERE.keys())


def test_the_document_on_settings_lists_every_secret_that_a_file_can_hold() -> None:
    section = SETTINGS.read_text().partition("\n## Secrets from files\n")[2].partition("\n## ")[0]
    listed = re.findall(r"`(\w+_FILE)`", section)
    # scripts/create_admin.py reads it as config.py reads the others.
    assert sorted(listed) == sorted({*secret_files(settings_in_the_code()), "ADMIN_PASSWORD_FILE"})


@pytest.mark.parametrize(("name", "file"), _READ_ELSEWHERE.items())
def test_a_setting_that_config_does_not_read_is_read_elsewhere(name: str, file: str) -> None:
    assert f'"{name}"' in (ROOT / file).read_text()
