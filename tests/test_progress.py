import io
import logging
import os
import sys

import pytest

from tap_dixa.progress import ProgressBar


@pytest.fixture
def terminal():
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as file:  # noqa: PTH123 (it has no path)
        yield file
    os.close(ours)


def watch(patch, terminal):
    """Log to a terminal, and write messages to something else."""
    patch.setattr(sys, "stderr", terminal)
    patch.setattr(sys, "stdout", io.StringIO())
    patch.setattr(logging.root, "handlers", [logging.StreamHandler()])
    patch.setattr(logging.root, "level", logging.INFO)
    patch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(sys, "stdout", sys.stderr),
        lambda patch: patch.setattr(sys, "stderr", io.StringIO()),
        lambda patch: patch.setenv("TERM", "dumb"),
        lambda patch: patch.setattr(logging.root, "level", logging.WARNING),
        lambda _: logging.root.handlers.append(logging.NullHandler()),
        lambda _: logging.root.handlers[0].setStream(io.StringIO()),
    ],
    ids=["messages there too", "a file", "dumb", "quiet", "a log of their own", "logged elsewhere"],
)
def test_nobody_else_does(terminal, monkeypatch, change):
    watch(monkeypatch, terminal)
    assert ProgressBar.if_watched() is not None
    change(monkeypatch)
    assert ProgressBar.if_watched() is None
