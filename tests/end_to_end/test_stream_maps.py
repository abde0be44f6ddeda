"""What becomes of stream maps: refused, harmless, or an error that names the expression."""

from __future__ import annotations

import pytest

from tests import pages
from tests.conftest import catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import EVERY
from tests.end_to_end.recipes import FLAT, PAGE, merged, with_secret


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ({"conversations": {"requester_emial": None}}, "Did you mean requester_email?"),
        ({"conversation": {"requester_email": None}}, "Did you mean conversations?"),
        ({"conversations": {"requester_emial": "sha256(requester_email)"}}, "requester_email"),
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


def recipes():
    found = pages.blocks(PAGE, "yaml")
    flat = merged(found.pop(FLAT))
    return [with_secret(recipe["config"]) for recipe in (merged(*found.values()), flat)]


def deselected():
    found = catalog(*EVERY)
    return {
        "streams": [
            {
                **entry,
                "metadata": [
                    {**item, "metadata": {**item["metadata"], "selected": bool(item["breadcrumb"])}}
                    for item in entry["metadata"]
                ],
            }
            for entry in found["streams"]
            if entry["tap_stream_id"] != "tags"
        ]
        + catalog("tags")["streams"]
    }


@pytest.mark.slow
def test_maps_of_streams_that_are_not_selected_change_nothing(serve, run_tap):
    sandbox = serve(days=5)
    every, flat = recipes()
    everywhere = {"*": {"__alias__": "'raw_' + __stream_name__"}}
    for config, chosen, name in (
        (every, catalog("tags"), "tags"),
        (every, deselected(), "tags"),
        (flat, deselected(), "tags"),
        ({"stream_maps": everywhere}, deselected(), "raw_tags"),
        ({"stream_maps": everywhere}, None, "raw_tags"),
    ):
        run = checks.succeeded(run_tap(settings(sandbox, **config), catalog=chosen))
        assert run.records(name)
        if chosen is not None:
            assert {m["stream"] for m in run.of("SCHEMA")} == {name}
        else:
            assert "raw_conversations" in {m["stream"] for m in run.of("SCHEMA")}


@pytest.mark.slow
def test_the_connection_test_reads_streams_that_are_not_selected(serve, run_tap):
    sandbox = serve(days=5)
    everywhere = {"*": {"__alias__": "'raw_' + __stream_name__"}}
    run = run_tap(settings(sandbox, stream_maps=everywhere), "--test")
    assert run.status == 0
    assert "raw_conversation_notes" in {m["stream"] for m in run.of("SCHEMA")}


def test_an_expression_that_fails_is_named_without_what_it_read(serve, run_tap):
    sandbox = serve(days=5)
    for stream, expression, said in (
        ("conversations", "1/0", "ZeroDivisionError, division by zero"),
        ("conversations", "2/0", "ZeroDivisionError, division by zero"),
        ("tags", "self + 1", "TypeError, can only concatenate str"),
        ("end_users", "int(email)", "ValueError"),
    ):
        name = {"self + 1": "name", "2/0": "__filter__"}.get(expression, "new_one")
        maps = {stream: {name: expression}}
        run = run_tap(settings(sandbox, stream_maps=maps), catalog=catalog(stream))
        error = checks.failed(run)
        assert f"stream_maps: {expression!r} failed for {stream}: {said}" in error
        assert "@" not in error
