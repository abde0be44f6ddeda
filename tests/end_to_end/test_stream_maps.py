"""What becomes of stream maps: their values fit the SCHEMA, or one line names the expression."""

import copy
import json

import pytest

from tests import pages
from tests.conftest import catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, emitted
from tests.end_to_end.everything import EVERY
from tests.end_to_end.odd_rows import listed
from tests.end_to_end.recipes import FLAT, PAGE, merged, with_secret


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ({"conversations": {"requester_emial": None}}, "Did you mean requester_email?"),
        ({"conversations": {"new": ""}}, "'' failed for conversations"),
        ({"conversations": {"__alias__": "1/0"}}, "'1/0' failed for "),
    ],
)
def test_a_typing_mistake_ends_the_run_before_the_first_request(account_of, maps, said):
    # For what is certainly wrong it makes no difference whether the stream is selected.
    account = account_of("conversations" if "failed" in said else "tags")
    run = account.sync(stream_maps=maps)
    assert said in checks.failed(run)
    assert run.messages == account.answered == []


def every_stream_but_tags_deselected():
    chosen = copy.deepcopy(catalog(*EVERY))
    for entry in chosen["streams"]:
        (root,) = (item for item in entry["metadata"] if not item["breadcrumb"])
        root["metadata"]["selected"] = entry["tap_stream_id"] == "tags"
    return chosen


EVERYWHERE = {"stream_maps": {"*": {"__alias__": "'raw_' + __stream_name__"}}}


@pytest.mark.slow
def test_maps_of_streams_that_are_not_selected_change_nothing(account_of):
    recipes = pages.blocks(PAGE, "yaml")
    flat = with_secret(merged(recipes.pop(FLAT))["config"])
    others = with_secret(merged(*recipes.values())["config"])
    account, deselected = account_of("tags", days=5), every_stream_but_tags_deselected()
    for config, chosen, name in (
        (others, catalog("tags"), "tags"),
        (others, deselected, "tags"),
        (flat, deselected, "tags"),
        (EVERYWHERE, deselected, "raw_tags"),
    ):
        run = checks.succeeded(account.sync(chosen=chosen, **config))
        assert run.records(name)
        assert {message["stream"] for message in run.of("SCHEMA")} == {name}


@pytest.mark.slow
def test_the_connection_test_reads_streams_that_are_not_selected(serve, run_tap):
    run = run_tap(settings(serve(days=5), **EVERYWHERE), "--test")
    assert run.status == 0
    assert "raw_conversation_notes" in {message["stream"] for message in run.of("SCHEMA")}


@pytest.mark.parametrize(
    ("stream", "name", "expression", "said"),
    [
        ("conversations", "__filter__", "2/0", "ZeroDivisionError, division by zero"),
        ("tags", "name", "self + 1", "TypeError, can only concatenate str"),
        ("end_users", "new_one", "int(email)", "ValueError"),
    ],
)
def test_an_expression_that_fails_is_named_without_what_it_read(
    account_of, stream, name, expression, said
):
    error = checks.failed(account_of(stream).sync(stream_maps={stream: {name: expression}}))
    assert f"stream_maps: {expression!r} failed for {stream}: {said}" in error
    assert "@" not in error


@pytest.mark.parametrize("batches", [False, True], ids=["records", "BATCH"])
def test_a_row_without_the_mapped_field_has_it_as_null(account_of, tmp_path, batches):
    options = {"batch_config": batch_config(tmp_path)} if batches else {}
    maps = {"end_users": {"email": "md5(self) if self else None"}}
    account = account_of("end_users", api_faults=[listed({"id": "5"})])
    run = checks.succeeded(account.sync(stream_maps=maps, **options))
    assert [(row["id"], row["email"]) for row in emitted(run, "end_users")] == [("5", None)]


CONVERTED = [  # an expression, and what the warning says that it gives
    ("id + 1", "an integer"),
    ("id / 3", "a number"),
    ("str(id) and 1.5", "a number"),
    ("requester_email is None", "a boolean"),
    ("[tag['id'] for tag in tags_info or []]", "an array"),
    ("{'email': requester_email}", "an object"),
    ("{1}", "an array"),
    ("int(id) / 1", "a number"),
    ("bool(1) and 'true'", "a string"),
]
PLAIN = (
    *("str(id)", "int(id)", "float(id)", "float(id) and 2", "bool(id)", "json.dumps(tags_info)"),
    *("requester_email", "tags_info", "None", "'text'", "record"),
    "datetime.datetime.fromisoformat(updated_at)",
    "datetime.date.fromisoformat(updated_at[:10])",
    "datetime.datetime.fromisoformat(updated_at).date()",
    "datetime.datetime.fromisoformat(updated_at) - datetime.timedelta(days=1)",
)


def fits(run, stream="conversations"):
    """A run succeeded with records that satisfy their SCHEMA: give its warnings of the maps."""
    checks.succeeded(run)
    assert run.records(stream)
    checks.fits_its_schema(run, stream)
    return [line for line in checks.warnings(run) if "stream_maps: " in line]


@pytest.mark.parametrize("flat", [{}, {"flattening_enabled": True, "flattening_max_depth": 1}])
def test_a_value_of_another_type_than_the_sdk_declares_is_converted(account_of, flat):
    fields = {f"new_{number}": text for number, (text, _) in enumerate(CONVERTED)}
    fields |= {text: text for text in PLAIN}
    account = account_of("conversations", days=5, config=flat)
    run = account.sync(stream_maps={"conversations": {**fields, "subject": "id"}})
    said = fits(run)
    record = run.records("conversations")[0]
    assert record["subject"] == str(record["id"])
    assert record["new_0"] == str(record["id"] + 1)
    assert record["new_3"] in {"true", "false"}
    tags = json.loads(record["tags_info"]) if flat else record["tags_info"]
    assert json.loads(record["new_4"]) == [tag["id"] for tag in tags or []]
    assert (record["new_7"], record["new_8"]) == (record["id"], True)
    time, *days = (record[text] for text in PLAIN[-4:-1])
    assert (time, days) == (record["updated_at"], [record["updated_at"][:10]] * 2)
    if not flat:  # flattening writes objects and arrays as texts itself
        for number, (_, kind) in enumerate(CONVERTED):
            (line,) = (line for line in said if f"new_{number} " in line)
            assert f"gives {kind} for" in line
        assert len(said) == len(CONVERTED) + 1


REFUSED = [  # a property, its expression, what it gives, and the type of the property
    ("total_duration", "(self or 1) / 7", "a number", "integer"),
    ("x", "int(id) and 'x'", "a string", "integer"),
    ("x", "float(id) and 'x'", "a string", "number"),
    (
        *("x", "datetime.datetime.fromisoformat(updated_at).timestamp()"),
        *("a number", "string or date-time"),
    ),
    (
        *("x", "datetime.datetime.fromisoformat(updated_at).strftime('%d.%m.%Y')"),
        *("a string", "string or date-time"),
    ),
    ("x", "datetime.date.fromisoformat(updated_at[:10]).year", "an integer", "string or date"),
    ("x", "int(id) * 10 ** 30", "an integer", "integer"),
    ("id", "None", "null", "integer"),
    ("tags", "{'a': 1}", "an object", "array"),
    ("tags_info", "[{'id': 5}]", "an array", "array"),
]


@pytest.mark.parametrize(("name", "expression", "given", "declared"), REFUSED)
def test_what_cannot_be_converted_ends_the_run_in_one_line(
    account_of, name, expression, given, declared
):
    account = account_of("conversations", days=5)
    run = account.sync(stream_maps={"conversations": {name: expression}})
    said = f"gives {given} for {name} of conversations, whose type is {declared}"
    assert said in checks.failed(run)
    assert run.records("conversations") == []


def test_the_same_holds_for_copies_lists_and_what_else_is_left(account_of):
    chats = {"__alias__": "chats", "id": "id", "n": "id * 1", "__else__": None}
    duration = {"total_duration": "str(total_duration)", "n": "id * 1"}
    maps = {
        "conversations": chats,
        "copy": {"__source__": "conversations", **duration},
        "tags": {"n": "name == ''", "color": "1"},
    }
    run = account_of("conversations", "tags", days=5).sync(stream_maps=maps)
    assert {len(fits(run, stream)) for stream in ("chats", "copy", "tags")} == {4}
    assert all(isinstance(record["n"], str) for record in run.records("tags"))


def test_the_same_holds_for_batch_files(account_of, tmp_path):
    maps = {"conversations": {"n": "id * 1", "domain": "requester_email"}}
    account = account_of("conversations", days=5)
    run = account.sync(stream_maps=maps, batch_config=batch_config(tmp_path))
    rows = emitted(checks.succeeded(run), "conversations")
    assert [row["n"] for row in rows] == [str(row["id"]) for row in rows] != []
    assert sum("n of conversations" in line for line in checks.warnings(run)) == 1
