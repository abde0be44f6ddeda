"""Each message in docs/troubleshooting.md is in the code.

Where the text of a message varies, both sides have an ellipsis.
"""

from __future__ import annotations

import ast
import re

from tests.pages import DOCS

PACKAGE = DOCS.parent / "tap_dixa"


def written(node):
    """Give a text with an ellipsis for each value in it; None for another node."""
    values = node.values if isinstance(node, ast.JoinedStr) else [node]
    if not all(isinstance(value, ast.Constant | ast.FormattedValue) for value in values):
        return None
    text = "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in values)
    return re.sub(r"%(\.\d)?[dfs]", "…", text)


def test_every_message_of_the_page_is_in_the_code():
    page, _ = (DOCS / "troubleshooting.md").read_text().split("## From other programs")
    messages = re.findall(r"^\| `(.+?)` \|", page, re.MULTILINE)
    nodes = (
        node for file in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(file.read_text()))
    )
    assert len(messages) > 30
    assert set(messages) - {written(node) for node in nodes} == set()
