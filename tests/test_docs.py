from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
GUARANTEES = TESTS.parent / "docs" / "guarantees.md"


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
