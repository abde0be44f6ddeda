"""The campaign, on one small account: ``python -m tests.campaign`` draws many."""

from functools import partial
from tempfile import mkdtemp

import pytest

from tests.campaign.__main__ import main

SMALL = ("--seed", "smoke", "--first", "117", "--rounds", "1")
"""Some streams of ten days; runs with faults, and a calm one."""


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Give the folder in which the campaign makes its own."""
    monkeypatch.setattr("tests.campaign.__main__.mkdtemp", partial(mkdtemp, dir=tmp_path))
    return tmp_path


def test_a_round_finds_nothing_and_leaves_nothing(capsys, folder):
    status = main(*SMALL)
    said = capsys.readouterr().out
    assert "rounds that failed: none" in said
    assert status == 0
    assert not list(folder.iterdir())


def test_a_round_that_fails_says_why_and_leaves_its_files(capsys, monkeypatch, folder):
    monkeypatch.setattr("tests.campaign.rounds.MOST_MEMORY", 1)
    assert main(*SMALL) == 1
    said = capsys.readouterr().out
    assert "MB of memory" in said
    assert "again: python -m tests.campaign --seed smoke --rounds 1 --first 117" in said
    files = {path.name for path in folder.glob("campaign.*/*/*")}
    assert {"about", "catalog", "config", "log", "output", "state"} <= files
