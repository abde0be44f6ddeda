from __future__ import annotations

import sys

import pytest
from singer_sdk.helpers._batch import BatchConfig, JSONLinesEncoding, StorageTarget

from tap_dixa.errors import SettingsError
from tap_dixa.singer.batch import check_batch_config


def test_without_s3fs_the_extra_that_brings_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    config = BatchConfig(JSONLinesEncoding(compression="gzip"), StorageTarget("s3://bucket"))
    with pytest.raises(SettingsError, match=r"pip install '\.\[s3\]'"):
        check_batch_config(config)
