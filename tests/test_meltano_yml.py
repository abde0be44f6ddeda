from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from docs.generate import plugin

PROJECT = yaml.load((Path(__file__).parents[1] / "meltano.yml").read_text(), yaml.CSafeLoader)
EXTRACTORS = {extractor["name"]: extractor for extractor in PROJECT["plugins"]["extractors"]}
EXTRACTOR = EXTRACTORS["tap-dixa"]
JOBS = {job["name"]: job["tasks"] for job in PROJECT["jobs"]}


def test_the_plugin_is_the_tap():
    assert EXTRACTOR["settings"] == list(plugin.settings())
    assert EXTRACTOR["capabilities"] == plugin.capabilities()
    assert EXTRACTOR["select"] == plugin.selection()
    assert EXTRACTOR["settings_group_validation"] == [plugin.REQUIRED]


def passes(extractor, stream):
    """Say whether Meltano's `select_filter` lets a stream through."""
    patterns = EXTRACTORS[extractor]["select_filter"]
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    return (not wanted or any(fnmatchcase(stream, pattern) for pattern in wanted)) and not any(
        fnmatchcase(stream, pattern) for pattern in unwanted
    )


@pytest.mark.parametrize("stream", plugin.streams(), ids=lambda stream: stream.name)
def test_incremental_streams_are_hourly_and_full_table_streams_daily(stream):
    incremental = stream.replication_key is not None
    assert passes("tap-dixa-hourly", stream.name) == incremental
    assert passes("tap-dixa-daily", stream.name) == (not incremental)


@pytest.mark.parametrize("name", ["tap-dixa-hourly", "tap-dixa-daily"])
def test_the_extractors_of_the_jobs_differ_from_the_tap_in_their_streams_alone(name):
    assert EXTRACTORS[name].keys() == {"name", "inherit_from", "select_filter"}
    assert EXTRACTORS[name]["inherit_from"] == "tap-dixa"


def test_no_two_jobs_have_the_same_state():
    # Meltano names a state after the extractor and the loader.
    assert len({task for tasks in JOBS.values() for task in tasks}) == len(JOBS)


def test_loaders_are_pinned():
    for loader in PROJECT["plugins"]["loaders"]:
        assert all("==" in package for package in loader["pip_url"].split())
