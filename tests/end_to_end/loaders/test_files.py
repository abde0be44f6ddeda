"""Loaders that write files: docs/loaders.md."""

from __future__ import annotations

import gzip
import os
import subprocess

import pytest

from tests.conftest import catalog
from tests.end_to_end.batches import batch_settings
from tests.end_to_end.loaders import pins
from tests.end_to_end.loaders.formats import csv_lines, json_lines
from tests.end_to_end.loaders.loader import Case, Loader
from tests.end_to_end.storage import copy, s3

pytestmark = [pytest.mark.slow, pytest.mark.loaders]

APPENDED = {
    "first": set(),
    "later": {"a key is there twice", "a deleted row is there"},
    "killed": {"a key is there twice"},
}
"""Files are only added to: the last row of a key counts, and it is the right one."""
UPLOADED = {**APPENDED, "killed": set()}
"""Files are written at the end of a run alone."""
MOTO = Loader("python", ("moto[server]==5.2.5",))


def test_json_lines_are_exact(synced, tmp_path, evidence):
    def config(place):
        (tmp_path / place).mkdir(exist_ok=True)
        return {**pins.JSONL_CONFIG, "destination_path": place, "do_timestamp_file": False}

    def rows(place):
        return json_lines(tmp_path / place)

    assert Case(pins.JSONL, tmp_path, config, rows).all(synced) == APPENDED
    evidence("loaders that were fed with all streams")


def test_csv_has_nothing_for_an_empty_text(synced, tmp_path, evidence):
    def config(place):
        return {**pins.CSV_CONFIG, "output_path": place}

    def rows(place):
        return csv_lines(tmp_path / place, "{}-[0-9]*.csv")

    case = Case(pins.CSV, tmp_path, config, rows)
    assert case.all(synced) == {when: {*kinds, "'' is null"} for when, kinds in UPLOADED.items()}
    evidence("loaders that were fed with all streams")


def test_csv_without_its_settings_has_pythons_spelling(synced, tmp_path):
    case = Case(
        pins.CSV,
        tmp_path,
        lambda place: {"output_path": place},
        lambda place: csv_lines(tmp_path / place, "{}.csv"),
    )
    assert case.first(synced) == {"'' is null", "nested values are Python's repr"}


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Serve an S3; give what copies a folder of its bucket."""
    with s3(MOTO.program()) as environment:
        for name in environment.keys() - {*os.environ}:
            monkeypatch.setenv(name, environment[name])

        def folder(place):
            return copy(MOTO.program(), environment, tmp_path / "copy") / place

        yield folder


def credentials():
    """Give what the older loaders want in their settings."""
    return {
        "s3_bucket": "bucket",
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "aws_endpoint_url": os.environ["AWS_ENDPOINT_URL"],
    }


def test_json_lines_on_s3_are_exact(synced, stored, tmp_path, evidence):
    def config(place):
        path = pins.S3_JSONL_CONFIG["path_template"].replace("dixa/", f"{place}/")
        return {**pins.S3_JSONL_CONFIG, **credentials(), "path_template": path}

    def rows(place):
        return json_lines(stored(place), "{}-*.jsonl")

    assert Case(pins.S3_JSONL, tmp_path, config, rows).all(synced) == UPLOADED
    evidence("loaders that were fed with all streams")


def test_compressed_json_lines_on_s3_are_exact(synced, stored, tmp_path, evidence):
    aws = pins.S3_CONFIG["cloud_provider"]["aws"]

    def config(place):
        there = {"aws_endpoint_override": os.environ["AWS_ENDPOINT_URL"]}
        cloud = {**pins.S3_CONFIG["cloud_provider"], "aws": {**aws, **there}}
        return {**pins.S3_CONFIG, "cloud_provider": cloud, "prefix": place}

    def rows(place):
        pattern = "{}/**/*.jsonl.gz"
        return json_lines(
            stored(place), pattern, lambda path: gzip.decompress(path.read_bytes()).decode()
        )

    assert Case(pins.S3, tmp_path, config, rows).all(synced) == UPLOADED
    evidence("loaders that were fed with all streams")


def test_json_lines_on_s3_ignore_batches(run_tap, serve, tmp_path):
    config = batch_settings(serve(conversations=20, days=3), tmp_path / "batches")
    run = run_tap(config, catalog=catalog("messages"))
    unused = {"s3_bucket": "bucket", "path_template": "{stream}", "work_dir": str(tmp_path)}
    status, log, state = pins.S3_JSONL.end(tmp_path, unused, run.output)
    assert (status, state) == (0, run.state)
    assert 'Unknown line type "BATCH"' in log


def test_csv_on_s3_has_values_in_wrong_columns(synced, stored, tmp_path):
    state = pins.S3_CSV.feed(
        tmp_path, {**credentials(), "s3_key_prefix": "csv/"}, synced.first.output
    )
    assert state == synced.first.state
    rows = csv_lines(stored("csv"), "{}-*.csv")["messages"]
    assert len(rows) == len(synced.known["messages"])
    assert {(row["id"],) for row in rows} - synced.known["messages"].keys()


def test_singer_json_lines_stop_at_activate_version(synced, tmp_path):
    config = {"destination": "local", "local": {"folder": "rows"}}
    status, log, _ = pins.SINGER_JSONL.end(tmp_path, config, synced.first.output)
    assert status == 1
    assert "Unknown message type ACTIVATE_VERSION" in log


@pytest.mark.parametrize(("loader", "says"), pins.UNABLE.items(), ids=lambda given: str(given)[:40])
def test_these_do_not_start(loader, says):
    done = subprocess.run(
        loader.program(loader.command, "--help"), capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode != 0
    assert says in done.stderr
