"""Loaders that write files: docs/loaders.md."""

import pytest

from tests.end_to_end.batches import batches_with_deletes
from tests.end_to_end.loaders import pins
from tests.end_to_end.loaders.formats import csv_lines, json_lines, zipped_lines

pytestmark = [pytest.mark.slow, pytest.mark.loaders]

APPENDED = {
    "first": set(),
    "later": {"a key is there twice", "a deleted row is there"},
    "killed": {"a key is there twice"},
}
"""Files are only added to: the last row of a key counts, and it is the right one."""
UPLOADED = {**APPENDED, "killed": set()}
"""Files are written at the end of a run alone."""


def test_json_lines_are_exact(load, tmp_path):
    def config(place):
        (tmp_path / place).mkdir(exist_ok=True)
        return {**pins.JSONL_CONFIG, "destination_path": place, "do_timestamp_file": False}

    def rows(place):
        return json_lines(tmp_path / place)

    assert load(pins.JSONL, config, rows) == APPENDED


def test_csv_has_nothing_for_an_empty_text(load, tmp_path):
    def config(place):
        return {**pins.CSV_CONFIG, "output_path": place}

    def rows(place):
        return csv_lines(tmp_path / place, "{}-[0-9]*.csv")

    found = load(pins.CSV, config, rows)
    assert found == {when: {*kinds, "'' is null"} for when, kinds in UPLOADED.items()}


@pytest.mark.nightly
def test_json_lines_on_s3_are_exact(load, bucket):
    there, stored = bucket
    account = {"s3_bucket": "bucket"} | {name.lower(): value for name, value in there.items()}

    def config(place):
        path = pins.S3_JSONL_CONFIG["path_template"].replace("dixa/", f"{place}/")
        return {**pins.S3_JSONL_CONFIG, **account, "path_template": path}

    def rows(place):
        return json_lines(stored() / place, "{}-*.jsonl")

    assert load(pins.S3_JSONL, config, rows) == UPLOADED


@pytest.mark.nightly
def test_compressed_json_lines_on_s3_are_exact(load, bucket, monkeypatch):
    there, stored = bucket
    for name, value in there.items():
        monkeypatch.setenv(name, value)

    def config(place):
        return {**pins.S3_CONFIG, "cloud_provider": pins.cloud(there), "prefix": place}

    def rows(place):
        return zipped_lines(stored() / place, "{}/**/*.jsonl.gz")

    assert load(pins.S3, config, rows) == UPLOADED


def test_json_lines_on_s3_ignore_batches(account_of, tmp_path):
    config = batches_with_deletes(tmp_path / "batches")
    run = account_of("messages", config=config, conversations=20, days=3).sync()
    unused = {"s3_bucket": "bucket", "path_template": "{stream}", "work_dir": str(tmp_path)}
    status, log, state = pins.S3_JSONL.load(tmp_path, unused, run.output)
    assert (status, state) == (0, run.state)
    assert 'Unknown line type "BATCH"' in log
