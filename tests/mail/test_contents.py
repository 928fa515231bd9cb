"""Every kind of letter has an entry, a label and its templates, and there are no others."""

from pathlib import Path

import pytest
from flask import Flask

from app.mail.contents import KINDS
from app.users.letters import LetterKind
from app.web.activity_lines import letter_label

TEMPLATES = ("body.html", "body.txt", "subject.txt")


@pytest.fixture
def folder(app: Flask) -> Path:
    """The templates of the mails."""
    assert app.template_folder
    return Path(app.root_path) / app.template_folder / "mail"


def test_every_kind_of_letter_has_one_entry() -> None:
    assert set(KINDS) == {kind.value for kind in LetterKind}


@pytest.mark.parametrize("kind", LetterKind)
def test_every_kind_has_a_label(kind: LetterKind) -> None:
    entry = KINDS[kind.value]
    assert entry.label.strip()
    assert letter_label(kind) == letter_label(kind.value) == entry.label


def test_every_label_names_one_kind() -> None:
    labels = [entry.label for entry in KINDS.values()]
    assert sorted(set(labels)) == sorted(labels)


@pytest.mark.parametrize("kind", LetterKind)
def test_a_kind_has_its_templates_and_no_others(app: Flask, folder: Path, kind: LetterKind) -> None:
    assert sorted(path.name for path in (folder / kind).iterdir()) == list(TEMPLATES)
    for name in TEMPLATES:
        app.jinja_env.get_template(f"mail/{kind}/{name}")


def test_every_template_folder_belongs_to_a_kind(folder: Path) -> None:
    found = {path.name for path in folder.iterdir() if path.is_dir()}
    assert found == {kind.value for kind in LetterKind}


def test_an_unknown_kind_is_shown_by_its_name() -> None:
    assert letter_label("sms_sent") == "Sms sent"
