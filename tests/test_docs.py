import ast
import re
from pathlib import Path

import pytest
import yaml

from docs.generate.fields import fields_of
from docs.generate.joins import JOINS
from docs.generate.pages import COMMAND, FOLDER, PAGES
from tap_dixa.streams.base import SCHEMAS

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "tap_dixa"
GUARANTEES = FOLDER / "design" / "guarantees.md"
DOCUMENTS = [*sorted(TESTS.parent.glob("*.md")), *sorted(FOLDER.rglob("*.md"))]

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(document):
    """Give the anchors that a code host makes of a document's headings."""
    found = []
    for title in HEADING.findall(FENCE.sub("", document.read_text())):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower().replace(" ", "-")
        slug = re.sub(r"[^\w-]", "", text)
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return found


def links(document):
    """Give the links in a document that do not leave the repository."""
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", document.read_text()))
    return [link for link in LINK.findall(text) if "://" not in link]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name):
    assert (FOLDER / name).read_text() == PAGES[name](), f"docs/{name} is old: run {COMMAND}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_guide_names_every_module_of_the_tap():
    guide = (TESTS.parent / "CONTRIBUTING.md").read_text()
    table = guide.partition("## Where things are\n")[2].partition("\n## ")[0]
    named = set()
    for row in re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE):
        first, *others = re.findall(r"`([\w/]+(?:\.py|/))`", row)
        named |= {first, *(f"{first.rpartition('/')[0]}/{name}".lstrip("/") for name in others)}
    modules = {str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py")}
    packages = {f"{file.parent.name}/__init__.py" for file in PACKAGE.glob("*/__init__.py")} - {
        "streams/__init__.py"
    }
    alone = {"__init__.py"}  # empty
    assert named - {"schemas/"} == modules - packages - alone


def test_fivetrans_tables_are_models_with_these_columns():
    files = (TESTS.parent / "transform" / "models").glob("*/*.yml")
    known = {
        model["name"]: {column["name"] for column in model["columns"]}
        for file in files
        for model in yaml.safe_load(file.read_text())["models"]
    }
    section = (FOLDER / "moving.md").read_text().partition("## From Fivetran\n")[2]
    table = section.partition("\n## ")[0]
    rows = re.findall(r"^\| `[^|]+ \| `(\w+)`.* \|(.*)\|$", table, re.MULTILINE)
    assert len(rows) == 12
    for model, names in rows:
        assert {*re.findall(r"`: (?:in )?`(\w+)`", names)} <= known[model]


def test_the_diagram_has_every_child_table():
    named = re.findall(
        r"^  \w+ \|\|--o\{ (\w+) :", (FOLDER / "transform.md").read_text(), re.MULTILINE
    )
    children = (TESTS.parent / "transform" / "models" / "children").glob("*.sql")
    assert {*named} == {"messages", *(file.stem for file in children)}


def test_the_documents_have_links():
    assert sum(len(links(document)) for document in DOCUMENTS) > 50


@pytest.mark.parametrize("join", JOINS, ids=lambda join: f"{join.stream}.{join.field}")
def test_a_join_is_one_of_the_schemas(join):
    described = {
        field.path: field.description for field in fields_of(SCHEMAS.get_schema(join.stream))
    }
    # What is inside a column of JSON has no description of its own.
    if join.field.startswith("attributes."):
        assert join.field.removeprefix("attributes.") in described["attributes"]
    else:
        named = " or ".join(join.parents)
        assert f"{join.key} in the {named} stream" in described[join.described]
    for parent in join.parents:
        assert join.key in {field.path for field in fields_of(SCHEMAS.get_schema(parent))}


def test_every_guarantee_names_tests_that_exist():
    rows = [
        row
        for row in GUARANTEES.read_text().splitlines()
        if row.startswith("| ") and not row.endswith("| Test |")
    ]
    assert len(rows) > 30
    for row in rows:
        named = re.findall(r"`(?:tests/)?([\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            found = [path for path in TESTS.rglob("test_*.py") if str(path).endswith(f"/{file}")]
            assert any(f"def {test}(" in path.read_text() for path in found), (file, test)


def written(node):
    """Give a text with an ellipsis for each value in it, as the page has them; or None."""
    values = node.values if isinstance(node, ast.JoinedStr) else [node]
    if not all(isinstance(value, ast.Constant | ast.FormattedValue) for value in values):
        return None
    text = "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in values)
    return re.sub(r"%(\.\d)?[dfs]", "…", text)


def test_every_message_of_the_page_is_in_the_code():
    page, _ = (FOLDER / "troubleshooting.md").read_text().split("## From other programs")
    page = page.partition("## Settings, catalog and state")[2]
    messages = re.findall(r"^\| `(.+?)` \|", page, re.MULTILINE)
    nodes = (
        node for file in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(file.read_text()))
    )
    assert len(messages) > 20
    assert set(messages) - {written(node) for node in nodes} == set()
