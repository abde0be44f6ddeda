"""Values of stream-map expressions: they fit the SCHEMA, or the run says so in one line."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.conftest import catalog, settings
from tests.end_to_end import checks

CONVERTED = {
    "an integer": ("id + 1", "an integer"),
    "a number": ("id / 3", "a number"),
    "a number after a function that gives texts": ("str(id) and 1.5", "a number"),
    "a boolean": ("requester_email is None", "a boolean"),
    "a list": ("[tag['id'] for tag in tags_info or []]", "an array"),
    "an object": ("{'email': requester_email}", "an object"),
    "a set": ("{1}", "an array"),
    "a whole number as an integer": ("int(id) / 1", "a number"),
    "an integer as a boolean": ("bool(1) and 'true'", "a string"),
}
PLAIN = (
    "str(id)",
    "int(id)",
    "float(id)",
    "float(id) and 2",
    "bool(id)",
    "json.dumps(tags_info)",
    "requester_email",
    "tags_info",
    "None",
    "'text'",
    "datetime.datetime.fromisoformat(updated_at)",
    "datetime.date.fromisoformat(updated_at[:10])",
    "datetime.datetime.fromisoformat(updated_at).date()",
    "datetime.datetime.fromisoformat(updated_at) - datetime.timedelta(days=1)",
    "record",
)


def fits(run, stream="conversations"):
    """A run succeeded with records that satisfy their SCHEMA: give its warnings of the maps."""
    checks.succeeded(run)
    assert run.records(stream)
    checks.fits_its_schema(run, stream)
    return [line for line in checks.warnings(run) if "stream_maps: " in line]


@pytest.mark.parametrize("flat", [{}, {"flattening_enabled": True, "flattening_max_depth": 1}])
def test_a_value_of_another_type_than_the_sdk_declares_is_converted(serve, run_tap, flat):
    fields = {f"new_{number}": text for number, (text, _) in enumerate(CONVERTED.values())}
    fields |= {f"plain_{number}": text for number, text in enumerate(PLAIN)}
    maps = {"conversations": {**fields, "subject": "id"}}
    config = settings(serve(days=5), stream_maps=maps, **flat)
    run = run_tap(config, catalog=catalog("conversations"))
    said = fits(run)
    record = run.records("conversations")[0]
    assert record["subject"] == str(record["id"])
    assert record["new_0"] == str(record["id"] + 1)
    assert record["new_3"] in {"true", "false"}
    tags = json.loads(record["tags_info"]) if flat else record["tags_info"]
    assert json.loads(record["new_4"]) == [tag["id"] for tag in tags or []]
    assert record["new_7"] == record["id"]
    assert record["new_8"] is True
    assert record["plain_10"] == record["updated_at"]
    assert record["plain_11"] == record["plain_12"] == record["updated_at"][:10]
    assert not any("plain_" in line for line in said)
    if not flat:  # flattening writes objects and arrays as texts itself
        for number, (_, kind) in enumerate(CONVERTED.values()):
            (line,) = (line for line in said if f"new_{number} " in line)
            assert f"gives {kind} for" in line
        assert len(said) == len(CONVERTED) + 1


REFUSED = {
    "a fraction of a whole type": ({"total_duration": "(self or 1) / 7"}, "a number", "integer"),
    "a text of an integer's type": ({"x": "int(id) and 'x'"}, "a string", "integer"),
    "a text of a number's type": ({"x": "float(id) and 'x'"}, "a string", "number"),
    "a number of a time's type": (
        {"x": "datetime.datetime.fromisoformat(updated_at).timestamp()"},
        "a number",
        "string or date-time",
    ),
    "a text of a time's type": (
        {"x": "datetime.datetime.fromisoformat(updated_at).strftime('%d.%m.%Y')"},
        "a string",
        "string or date-time",
    ),
    "a number of a date's type": (
        {"x": "datetime.date.fromisoformat(updated_at[:10]).year"},
        "an integer",
        "string or date",
    ),
    "a number that no loader stores": ({"x": "int(id) * 10 ** 30"}, "an integer", "integer"),
    "null of a key": ({"id": "None"}, "null", "integer"),
    "an object of an array's type": ({"tags": "{'a': 1}"}, "an object", "array"),
    "an object with other values": ({"tags_info": "[{'id': 5}]"}, "an array", "array"),
}


@pytest.mark.parametrize(("fields", "given", "declared"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_converted_ends_the_run_in_one_line(serve, run_tap, fields, given, declared):
    sandbox = serve(days=5)
    config = settings(sandbox, stream_maps={"conversations": fields})
    run = run_tap(config, catalog=catalog("conversations"))
    line = checks.failed(run)
    (name,) = fields
    assert f"gives {given} for {name} of conversations, whose type is {declared}" in line
    assert run.records("conversations") == []


def test_the_same_holds_for_copies_lists_and_what_else_is_left(serve, run_tap):
    sandbox = serve(days=5)
    maps = {
        "conversations": {"__alias__": "chats", "id": "id", "n": "id * 1", "__else__": None},
        "copy": {
            "__source__": "conversations",
            "total_duration": "str(total_duration)",
            "n": "id * 1",
        },
        "tags": {"n": "name == ''", "color": "1"},
    }
    chosen = {"streams": [*catalog("conversations")["streams"], *catalog("tags")["streams"]]}
    run = run_tap(settings(sandbox, stream_maps=maps), catalog=chosen)
    for stream in ("chats", "copy", "tags"):
        said = fits(run, stream)
    assert len(said) == 4
    assert all(isinstance(record["n"], str) for record in run.records("tags"))


def test_the_same_holds_for_batch_files(serve, run_tap, tmp_path):
    sandbox = serve(days=5)
    config = settings(
        sandbox,
        stream_maps={"conversations": {"n": "id * 1", "domain": "requester_email"}},
        batch_config={
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": tmp_path.as_uri()},
        },
    )
    run = checks.succeeded(run_tap(config, catalog=catalog("conversations")))
    (file,) = tmp_path.iterdir()
    rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert rows
    assert all(row["n"] == str(row["id"]) for row in rows)
    assert sum("n of conversations" in line for line in checks.warnings(run)) == 1
