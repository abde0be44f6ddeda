"""What becomes of stream maps: refused, harmless, or an error that names the expression."""

from __future__ import annotations

import copy

import pytest

from tests import pages
from tests.conftest import catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, batched
from tests.end_to_end.everything import EVERY
from tests.end_to_end.recipes import FLAT, PAGE, merged, with_secret
from tests.faults import Refusal


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ({"conversations": {"requester_emial": None}}, "Did you mean requester_email?"),
        ({"conversations": {"new": ""}}, "'' failed for conversations"),
        ({"conversations": {"__alias__": "1/0"}}, "'1/0' failed for "),
    ],
)
def test_a_typing_mistake_ends_the_run_before_the_first_request(serve, run_tap, maps, said):
    sandbox = serve()
    # For what is certainly wrong it makes no difference whether the stream is selected.
    chosen = catalog("conversations" if "failed" in said else "tags")
    run = run_tap(settings(sandbox, stream_maps=maps), catalog=chosen)
    assert said in checks.failed(run)
    assert run.messages == []
    assert sandbox.answered == []


def every_stream_but_tags_deselected():
    chosen = copy.deepcopy(catalog(*EVERY))
    for entry in chosen["streams"]:
        (root,) = (item for item in entry["metadata"] if not item["breadcrumb"])
        root["metadata"]["selected"] = entry["tap_stream_id"] == "tags"
    return chosen


EVERYWHERE = {"stream_maps": {"*": {"__alias__": "'raw_' + __stream_name__"}}}


@pytest.mark.slow
def test_maps_of_streams_that_are_not_selected_change_nothing(serve, run_tap):
    recipes = pages.blocks(PAGE, "yaml")
    flat = with_secret(merged(recipes.pop(FLAT))["config"])
    others = with_secret(merged(*recipes.values())["config"])
    sandbox, deselected = serve(days=5), every_stream_but_tags_deselected()
    for config, chosen, name in (
        (others, catalog("tags"), "tags"),
        (others, deselected, "tags"),
        (flat, deselected, "tags"),
        (EVERYWHERE, deselected, "raw_tags"),
    ):
        run = checks.succeeded(run_tap(settings(sandbox, **config), catalog=chosen))
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
        ("conversations", "new_one", "1/0", "ZeroDivisionError, division by zero"),
        ("conversations", "__filter__", "2/0", "ZeroDivisionError, division by zero"),
        ("tags", "name", "self + 1", "TypeError, can only concatenate str"),
        ("end_users", "new_one", "int(email)", "ValueError"),
    ],
)
def test_an_expression_that_fails_is_named_without_what_it_read(
    serve, run_tap, stream, name, expression, said
):
    config = settings(serve(days=5), stream_maps={stream: {name: expression}})
    error = checks.failed(run_tap(config, catalog=catalog(stream)))
    assert f"stream_maps: {expression!r} failed for {stream}: {said}" in error
    assert "@" not in error


@pytest.mark.parametrize("batches", [False, True], ids=["records", "BATCH"])
def test_a_row_without_the_mapped_field_has_it_as_null(serve, run_tap, tmp_path, batches):
    sandbox = serve()
    sandbox.behaviour.api_faults.append(Refusal(200, body='{"data": [{"id": "5"}]}'))
    changes = {"batch_config": batch_config(tmp_path)} if batches else {}
    changes["stream_maps"] = {"end_users": {"email": "md5(self) if self else None"}}
    run = checks.succeeded(run_tap(settings(sandbox, **changes), catalog=catalog("end_users")))
    rows = batched(run, "end_users") if batches else run.records("end_users")
    assert [(row["id"], row["email"]) for row in rows] == [("5", None)]
