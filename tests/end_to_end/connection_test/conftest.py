"""A test of the connection, and what its report says."""

import re
import time

import pytest

from tests.conftest import settings

TOKEN = "t0ken-that-must-not-be-seen"  # noqa: S105
NOTHING = "What to do:\n- Nothing."


class Report:
    """The report at the end of a run's log, without lines of the log that may follow it."""

    def __init__(self, run, sandbox=None):
        self.run, self.sandbox = run, sandbox
        begun = re.search(r"^tap-dixa \S+, Singer SDK", run.log, re.MULTILINE)
        lines = run.log[begun.start() :].splitlines()
        self.text = "\n".join(line for line in lines if " | " not in line)

    @property
    def advised(self):
        return advised(self.text)

    def line(self, name):
        return line(self.text, name)

    def cells(self, *beginning):
        """Give the cells of the rows of a table that begin with these.

        A stream's result is behind each of its paths.
        """
        rows = []
        for group in re.split(r"\n(?!  /)", self.text):
            first, *paths = (tuple(re.split(r" {2,}", text.strip())) for text in group.split("\n"))
            rows += [(first[0], *path, *first[1:]) for path in paths] or [first]
        return [row[len(beginning) :] for row in rows if row[: len(beginning)] == beginning]


@pytest.fixture
def tested(serve, run_tap):
    """Give a function that tests the connection to a sandbox, and gives the report.

    Its clock is this machine's, though its data is older.
    """

    def test(*given, faults=(), api_faults=(), changes=None, status=0, run_options=None, **options):
        sandbox = serve(date=lambda: time.time_ns() // 1_000_000, **options)
        sandbox.behaviour.faults.extend(faults)
        sandbox.behaviour.api_faults.extend(api_faults)
        run = run_tap(settings(sandbox, **changes or {}), "--test", *given, **run_options or {})
        assert run.status == len(run.errors) == status, run.log
        return Report(run, sandbox)

    return test


def unfolded(report):
    """Give a report with each of its lines in one."""
    return re.sub(r"\n  (?=[^\s/])", " ", report)


def line(report, name):
    return unfolded(report).split(f"\n{name}: ")[1].partition("\n")[0]


def advised(report):
    return unfolded(report).split("What to do:\n")[1].splitlines()
