"""meltano.yml, and the schedules of docs and examples that run its jobs."""

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from docs.generate import plugin

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PAGES = [page.read_text() for page in (ROOT / "docs").glob("*.md")]
PROJECT = yaml.safe_load((ROOT / "meltano.yml").read_text())
PLUGINS = {plugin["name"]: plugin for kind in PROJECT["plugins"].values() for plugin in kind}
EXTRACTOR = PLUGINS["tap-dixa"]
JOBS = {job["name"]: job["tasks"] for job in PROJECT["jobs"]}


def test_the_plugin_is_the_tap():
    assert EXTRACTOR["settings"] == list(plugin.settings())
    assert EXTRACTOR["capabilities"] == plugin.capabilities()
    assert EXTRACTOR["select"] == plugin.selection()
    assert EXTRACTOR["settings_group_validation"] == [plugin.REQUIRED]


def passes(extractor, stream):
    """Say whether Meltano's `select_filter` lets a stream through."""
    patterns = PLUGINS[extractor]["select_filter"]
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
    assert PLUGINS[name].keys() == {"name", "inherit_from", "select_filter"}
    assert PLUGINS[name]["inherit_from"] == "tap-dixa"


def test_no_two_jobs_have_the_same_state():
    # Meltano names a state after the extractor and the loader.
    assert len({task for tasks in JOBS.values() for task in tasks}) == len(JOBS)


def test_loaders_are_pinned():
    for loader in PROJECT["plugins"]["loaders"]:
        assert all("==" in package for package in loader["pip_url"].split())


def test_every_example_is_linked_from_a_page():
    for file in EXAMPLES.iterdir():
        assert any(f"(../examples/{file.name})" in page for page in PAGES), file.name


def test_whatever_meltano_is_told_to_run_exists():
    files = [*PAGES, *(path.read_text() for path in EXAMPLES.iterdir() if path.is_file())]
    named = [
        name
        for text in files
        for what in re.findall(r"meltano run ((?:[a-z]+-[a-z-]+ ?)+)", text)
        for name in what.split()
    ]
    assert len(named) >= 5
    assert set(named) <= JOBS.keys() | PLUGINS.keys()


def test_the_cronjob_runs_plugins_with_settings_that_exist():
    text = (EXAMPLES / "cronjob.yaml").read_text()
    job = yaml.safe_load(text)
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    _, tap, target = container["args"]
    settings = {
        f"{plugin}_{setting['name']}".upper().replace("-", "_")
        for plugin in (PLUGINS[tap]["inherit_from"], target)
        for setting in PLUGINS[plugin]["settings"]
    }
    secret = re.findall(r"^#   ([A-Z_]+)=", text, re.MULTILINE)
    given = {variable["name"] for variable in container["env"]} | set(secret)
    assert {"TAP_DIXA_API_TOKEN", "TAP_DIXA_START_DATE", "TARGET_POSTGRES_PASSWORD"} <= given
    assert {name for name in given if name.startswith(("TAP_", "TARGET_"))} <= settings


def test_the_image_has_the_meltano_that_the_tests_have():
    text = (EXAMPLES / "Dockerfile").read_text()
    (version,) = re.findall(r"meltano\[postgres\]==([\d.]+)", text)
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    assert version == next(one["version"] for one in packages if one["name"] == "meltano")
    (installed,) = re.findall(r"meltano install (.+)", text)
    assert set(installed.split()) <= PLUGINS.keys()
    for copied in re.findall(r"^COPY --chown=1000 (.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in copied.split())
