"""A test of the connection, and what its report says."""

from __future__ import annotations

import re
import time
from functools import partial

import pytest

from tests.conftest import settings
from tests.end_to_end import checks

TOKEN = "t0ken-that-must-not-be-seen"  # noqa: S105
NOTHING = "What to do:\n- Nothing."


@pytest.fixture
def serve(serve):
    """Start a sandbox whose clock is this machine's, though its data is older."""
    return partial(serve, date=lambda: time.time_ns() // 1_000_000)


@pytest.fixture
def tested(run_tap):
    """Give a function that tests the connection to a sandbox, and gives the report."""

    def test(sandbox, **changes):
        return report_of(checks.succeeded(run_tap(settings(sandbox, **changes), "--test")).log)

    return test


def report_of(log):
    """Give the report at the end of a log, without the line of an error that may follow it."""
    text = log[re.search(r"^tap-dixa \S+, Singer SDK", log, re.MULTILINE).start() :]
    return "\n".join(line for line in text.splitlines() if "ERROR" not in line)


def unfolded(report):
    """Give a report with each of its lines in one."""
    return re.sub(r"\n  (?=\S)", " ", report)


def line(report, name):
    return unfolded(report).split(f"\n{name}: ")[1].partition("\n")[0]


def cells(report, *beginning):
    """Give the cells of the rows of a table that begin with these."""
    split = [tuple(re.split(r" {2,}", text)) for text in report.splitlines()]
    return [row[len(beginning) :] for row in split if row[: len(beginning)] == beginning]


def advised(report):
    return unfolded(report).split("What to do:\n")[1].splitlines()
