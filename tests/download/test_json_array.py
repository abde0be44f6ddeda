"""Arrays that are damaged between records, or whose record is too long for memory."""

import tempfile

import pytest

from tap_dixa.download.json_array import JsonArray
from tap_dixa.errors import BadResponseError, UnusableRecordError
from tests.download.responses import CHUNK, LONGEST


def read(body: bytes) -> list[bytes]:
    """Read an array record by record."""
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        return [bytes(record) for _, record in JsonArray(file.fileno(), len(body))]


@pytest.mark.parametrize("far", range(11))
@pytest.mark.parametrize(
    ("start", "more"),
    [
        ('{"a":"', "x"),
        ('{"a":"', r"\ud83d\udc4d"),
        ('{"a":"', r"\ud83d"),
        ('{"a":[', "-1.5e+10,"),
        ('{"a":["\\ud83d",', "true,"),
        ('{"a":{"b":"},{"},"c":[', "{},"),
        ('"', "x"),
        ("", "["),
    ],
)
def test_a_record_that_memory_does_not_hold_is_said_to_be_too_long(start, more, far):
    body = f'[{{"id":1}},{" " * far}{start}{more * LONGEST}'
    with pytest.raises(UnusableRecordError, match=r"longer than .* MB|nested too deeply"):
        read(body.encode())


@pytest.mark.parametrize("damage", ['{"a":"b}', '{"a":1]', "{,", '"', "]", "}}", '{"a":nul}'])
def test_damage_is_not_taken_for_a_long_record(damage):
    rest = ',{"id":1,"a":[{}]}' * LONGEST
    with pytest.raises(BadResponseError, match="incomplete or damaged"):
        read(f'[{{"id":1}},{damage}{rest}]'.encode())


@pytest.mark.parametrize("far", [0, 1, CHUNK - 2, CHUNK - 1, CHUNK, 3 * CHUNK])
@pytest.mark.parametrize(
    "body", ["[_,_]", "[_{}_,_]", "[{},_,_{}]", "[{}_,_]", "[,_{}]", "[_,_,_]", "[{}_,", "[]_[]"]
)
def test_a_comma_without_a_record_is_damage_however_far_it_is_from_one(body, far):
    with pytest.raises(BadResponseError, match="incomplete or damaged"):
        read(body.replace("_", " " * far).encode())


@pytest.mark.parametrize("far", [0, 1, CHUNK - 2, CHUNK - 1, CHUNK, 3 * CHUNK])
@pytest.mark.parametrize("body", ["[_]_", "[_{}_]", "[_{}_,_{}_]", "[_{}_,_{}_,_{}_]"])
def test_spaces_between_records_are_no_damage(body, far):
    assert read(body.replace("_", " " * far).encode()) == [b"{}"] * body.count("{")
