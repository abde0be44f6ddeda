"""Chunks of 128 bytes, and a memory that holds 16 kB: all borders are met here."""

import pytest

from tap_dixa.download.json_array import JsonArray
from tests.download.responses import CHUNK, LONGEST

USUAL = JsonArray.chunk_size, JsonArray.longest_record


def set_sizes(patch, chunk_size, longest_record):
    patch.setattr(JsonArray, "chunk_size", chunk_size)
    patch.setattr(JsonArray, "longest_record", longest_record)


@pytest.fixture(scope="module", autouse=True)
def small_sizes():
    with pytest.MonkeyPatch.context() as patch:
        set_sizes(patch, CHUNK, LONGEST)
        yield


@pytest.fixture
def usual_sizes(monkeypatch):
    set_sizes(monkeypatch, *USUAL)
