"""Each message of the tap is in docs/troubleshooting.md, and each message there is in the code.

A message is any text of two words or more in the package. Where its parts vary, both sides have
an ellipsis.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "troubleshooting.md"
PACKAGE = PROJECT / "tap_dixa"
# docs/quickstart.md shows the report.
FILES = [file for file in PACKAGE.rglob("*.py") if "report" not in file.parts]
FILES += [PROJECT / "sandbox" / "tap_dixa_sandbox" / name for name in ("cli.py", "options.py")]

SETTINGS = {"description", "help", "title"}
"""Arguments that describe settings and options."""

NO_MESSAGES = {
    "An unhandled error occurred",  # the SDK's, looked for
    "timed out",  # the same
    "Tunnel connection failed: 407",  # what urllib3 says, looked for
    "not a clear time",  # a part of a message that the page describes
    "a value is nested more than … levels deep",  # the same
    "Input data was truncated",  # what msgspec says, looked for
    "… of … windows",  # the bar
    "about … left",  # the same
    "CREATE TABLE rows (identity PRIMARY KEY, window, count, emitted) WITHOUT ROWID",  # SQL
    "SELECT window, count, emitted FROM rows WHERE identity = ?",  # the same
    "A sandbox with sample data is at …. …",  # says itself what to do
    "Put these lines into another shell; Ctrl-C stops it.",
    "Running … against it.",
}
NO_FILES = {
    "log_shapes.py",  # writes a part of messages that the page describes
    "misfit_texts.py",  # the same
}


def is_text(node):
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def written(node):
    """Give a text with an ellipsis for each part that varies."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = "".join(part.value if isinstance(part, ast.Constant) else "…" for part in parts)
    return re.sub(r"%(\.\d)?[dfs]", "…", text)


def texts(node):
    for child in ast.iter_child_nodes(node):
        if is_text(child):
            yield written(child)
        elif isinstance(child, ast.Expr) and is_text(child.value):
            continue  # a docstring
        elif not (isinstance(child, ast.keyword) and child.arg in SETTINGS):
            yield from texts(child)


def in_the_code():
    return {
        text
        for file in FILES
        if file.name not in NO_FILES
        for text in texts(ast.parse(file.read_text()))
        if re.search(r"[a-z]{2}\S* (.* )?\S*[a-z]{2}", text) and text not in NO_MESSAGES
    }


def in_the_page():
    page, _ = PAGE.read_text().split("## From other programs")
    return set(re.findall(r"^\| `(.+?)` \|", page, re.MULTILINE))


def test_the_page_has_every_message_and_no_other():
    assert in_the_page() == in_the_code()
