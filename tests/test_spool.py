from __future__ import annotations

import json
import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tap_dixa import spool as spool_module
from tap_dixa.errors import BadAnswerError, UnusableRecordError
from tap_dixa.spool import Spool
from tap_dixa.windows import Window

WIDE = Window(0, 1 << 40)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
records = st.builds(
    lambda fields, cursor, first: (
        {"at": cursor, **fields, "at": cursor} if first else {**fields, "at": cursor}  # noqa: F601
    ),
    st.dictionaries(
        st.sampled_from(["id", "a", "},{", "é", "[", '"', "\\"]), json_values, max_size=4
    ),
    st.integers(0, 50),
    st.booleans(),
)


def read(body: bytes, window: Window = WIDE, chunk: int = 7) -> list[dict]:
    spool = Spool((body[at : at + chunk] for at in range(0, len(body), chunk)), window, "at")
    try:
        found = [json.loads(record) for record in spool]
        assert len(spool) == len(found)
        assert spool.size == len(body)
        return found
    finally:
        spool.close()


@pytest.fixture(params=[64, 1 << 20], ids=["small pieces", "one piece"])
def _piece(request, monkeypatch):
    monkeypatch.setattr(spool_module, "_PIECE", request.param)
    monkeypatch.setattr(spool_module, "_RUN", 5)


@pytest.mark.usefixtures("_piece")
@given(
    st.lists(records, max_size=30),
    st.sampled_from([None, 1]),
    st.booleans(),
    st.integers(1, 100),
    st.sampled_from(["", " ", "\n\t "]),
)
@example([{"at": 1, "text": "}, {" * 60}, {"at": 0, "text": '"},{"at":3},{"'}], None, False, 3, "")
@example([{"at": 1, "a": [{"at": 5}, {"at": 6}] * 40}, {"at": 0}], None, True, 9, "")
@settings(max_examples=300, deadline=None)
def test_every_record_comes_out_in_cursor_order(items, indent, ascii_only, chunk, space):
    text = space + json.dumps(items, indent=indent, ensure_ascii=ascii_only) + space
    assert read(text.encode(), chunk=chunk) == sorted(items, key=lambda item: item["at"])


@pytest.mark.usefixtures("_piece")
@given(st.lists(records, max_size=20), st.integers(0, 50), st.integers(0, 50))
@settings(max_examples=100, deadline=None)
def test_only_the_window_is_kept_and_it_is_half_open(items, start, end):
    inside = sorted(
        (item for item in items if start <= item["at"] < end), key=lambda item: item["at"]
    )
    assert read(json.dumps(items).encode(), Window(start, end)) == inside


@pytest.mark.usefixtures("_piece")
@given(st.lists(records, min_size=1, max_size=10), st.data())
@settings(max_examples=150, deadline=None)
def test_an_answer_that_ends_early_is_never_taken_for_a_whole_one(items, data):
    body = json.dumps(items).encode()
    with pytest.raises(BadAnswerError):
        read(body[: data.draw(st.integers(0, len(body) - 1))])


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"<html></html>", b'{"message": "no"}', b"[] []", b'[{"at":1},]', b'[{"at":1}'],
)
def test_what_is_no_export_is_refused(body):
    with pytest.raises(BadAnswerError):
        read(body)


@pytest.mark.parametrize("record", ['{"id":1}', '{"at":null}', '{"at":"1"}', '{"at":1.5}', "7"])
def test_a_record_that_cannot_be_placed_is_refused(record):
    with pytest.raises(UnusableRecordError, match="at"):
        read(f'[{{"at":1}},{record}]'.encode())


def test_the_file_has_no_name_and_is_private():
    spool = Spool([b"[]"], WIDE, "at")
    status = os.fstat(spool._file.fileno())  # noqa: SLF001
    spool.close()
    assert status.st_nlink == 0
    assert status.st_mode & 0o077 == 0
