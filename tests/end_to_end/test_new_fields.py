"""Fields that the schema does not have arrive in a column of their own."""

from __future__ import annotations

import json

import pytest

from tests import expected
from tests.conftest import DAY, NOON, both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import ALL, LISTS, exported
from tests.end_to_end.odd_rows import deselected, page
from tests.end_to_end.slowly import both_selections
from tests.faults import Odd

BRAND_NEW = {"level": 3, "labels": ["a"]}
NESTED = {"conversations": "tags_info"}


def with_new_fields(stream, record):
    extra = {"brandNew": BRAND_NEW}
    nested = NESTED.get(stream)
    for place, _ in enumerate(record.get(nested) or ()):
        extra[f"{nested}.{place}.shade"] = "dark"
    return {**record, "additional_properties": extra}


@both_selections
def test_every_value_arrives_with_one_warning_a_field(serve, run_tap, select):
    sandbox = serve(conversations=200, days=20, new_fields=True)
    chosen = select(*expected.STREAMS)
    run = checks.succeeded(run_tap(settings(sandbox, window_days=7), catalog=chosen))
    for stream in expected.STREAMS:
        checks.fits_its_schema(run, stream)
    conversations = expected.records(sandbox.data, "conversations")
    found = {r["id"]: {**checks.plain(r), "direction": 0} for r in run.records("conversations")}
    assert found == {
        key: {**checks.plain(with_new_fields("conversations", record)), "direction": 0}
        for key, record in conversations.items()
    }
    messages = run.records("messages")
    assert len(messages) == len(expected.records(sandbox.data, "messages"))
    assert all(record["additional_properties"]["brandNew"] == BRAND_NEW for record in messages)
    for stream in expected.STREAMS:
        line = f"{stream}: field brandNew is not in the schema; its values are in additional_prop"
        assert run.log.count(line) == 1
    assert run.log.count("field tags_info[].shade is not in the schema") == 1


def test_rows_of_lists_and_the_activity_log_carry_them_too(serve, run_tap):
    sandbox = serve(conversations=40, days=6, new_fields=True)
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog(*ALL)))
    for stream in (*LISTS, "activity_logs"):
        checks.fits_its_schema(run, stream)
        assert run.records(stream)
        for record in run.records(stream):
            assert record["additional_properties"]["brandNew"] == BRAND_NEW


def without_the_column(*streams):
    chosen = deselected(*streams)
    for entry in chosen["streams"]:
        del entry["schema"]["properties"]["additional_properties"]
    return chosen


@pytest.mark.parametrize("select", [deselected, without_the_column], ids=["off", "older"])
def test_without_the_column_they_are_dropped(serve, run_tap, select):
    sandbox = serve(conversations=40, days=6, new_fields=True)
    run = checks.succeeded(run_tap(settings(sandbox), catalog=select("conversations", "tags")))
    for stream in ("conversations", "tags"):
        assert run.records(stream)
        for record in run.records(stream):
            assert "additional_properties" not in record
            assert "brandNew" not in record
    wanted = expected.records(sandbox.data, "conversations").values()
    assert [checks.plain(r) for r in run.records("conversations")] == sorted(
        map(checks.plain, wanted), key=lambda record: record["updated_at"]
    )


@both_paths_slowly
def test_what_dixas_pages_write_in_two_ways_is_accepted_in_both(serve, run_tap, options):
    sandbox = serve(conversations=300, days=20, documented_forms=True)
    run = checks.succeeded(run_tap(settings(sandbox, **options)))
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, exported(sandbox, stream))
        checks.fits_its_schema(run, stream)
    messages = run.records("messages")
    assert any(message.get("formSubmission") for message in messages)
    files = {file for message in messages for file in message.get("attached_files") or ()}
    files |= {message.get("recording_url") for message in messages} - {None}
    beginnings = {file.rpartition("/")[0] for file in files}
    assert beginnings == {"https://files.dixa.io/private", "/private", "/public"}
    ratings = [r for c in run.records("conversations") for r in c.get("ratings") or ()]
    assert {"CSAT", "NPS"} < {rating["rating_type"] for rating in ratings}
    assert {"Rated", "Offered"} < {rating["rating_status"] for rating in ratings}
    assert "WARNING" not in run.log


ODD_NAMES = ('size 5"', "back\\slash", "a\tb\nc", "author.email", "author.new", "", "é")
QUOTED = {f'"{name}"' if "." in name else name: number for number, name in enumerate(ODD_NAMES)}
STREAMS = ("conversations", "messages", "activity_logs", "agents")


def with_a_quoted_property(chosen):
    for entry in chosen["streams"]:
        entry["schema"]["properties"]['a"b'] = {"type": ["integer", "null"]}
    return chosen


@both_selections
def test_a_field_is_kept_whatever_characters_its_name_has(serve, run_tap, select):
    sandbox = serve(conversations=3, days=5)
    new = {name: number for number, name in enumerate(ODD_NAMES)}
    key = "00000000-0000-4000-8000-000000000000"
    at = checks.expected.iso(NOON - 3 * DAY)
    conversation = {"id": 7, "updated_at": NOON - 3 * DAY, "tags_info": [{"id": "x", **new}]}
    sent = {
        "conversations": conversation,
        "messages": {"id": key, "created_at": NOON - 3 * DAY},
        "agents": {"id": key},
        "activity_logs": {"id": key, "activityTimestamp": at, "author": {"id": "6", "new": 1}},
    }
    texts = {
        name: ", ".join(json.dumps({**record, **new, 'a"b': number}) for number in range(3))
        for name, record in sent.items()
    }
    sandbox.behaviour.faults.extend([Odd(texts["conversations"]), Odd(texts["messages"])])
    sandbox.behaviour.api_faults.extend([page(texts["agents"]), page(texts["activity_logs"])])
    run = run_tap(settings(sandbox), catalog=with_a_quoted_property(select(*STREAMS)))
    checks.succeeded(run)
    wanted = dict.fromkeys(STREAMS, QUOTED)
    nested = {f"tags_info.0.{name}": value for name, value in QUOTED.items()}
    wanted["conversations"] = {**QUOTED, **nested}
    wanted["activity_logs"] = {**QUOTED, "author.new": 1}
    for stream in STREAMS:
        found = [r for r in run.records(stream) if r["id"] == sent[stream]["id"]]
        assert [record['a"b'] for record in found] == [0, 1, 2]
        moved = [record["additional_properties"] for record in found]
        assert moved == [wanted[stream]] * 3


@both_selections
def test_a_second_name_beside_the_first_keeps_its_value(serve, run_tap, select):
    sandbox = serve(conversations=3, days=5)
    first, second = {"a": 1}, {"b": 2}
    forms = [
        {"formSubmission": first, "form_submission": second},
        {"form_submission": second},
        {"formSubmission": first, "form_submission": first},
        {"formSubmission": None, "form_submission": second},
        {"formSubmission": first, "form_submission": None},
        {"form_submission": second, "formSubmission": first},
    ]
    messages = [
        {"id": f"m{place}", "created_at": NOON - 3 * DAY, **form}
        for place, form in enumerate(forms)
    ]
    sandbox.behaviour.faults.append(Odd(", ".join(map(json.dumps, messages))))
    run = checks.succeeded(run_tap(settings(sandbox), catalog=select("messages")))
    found = {
        r["id"]: (r.get("formSubmission"), r.get("additional_properties"))
        for r in run.records("messages")
    }
    both = first, {"form_submission": second}
    wanted = [both, (second, None), (first, None), (second, None), (first, None), both]
    assert [found[message["id"]] for message in messages] == wanted
    assert run.log.count("messages: field form_submission is not in the schema; its values") == 1


FLAT = {"flattening_enabled": True, "flattening_max_depth": 1}


@pytest.mark.parametrize(
    ("options", "flags"),
    [({**FLAT, "flattening_max_key_length": 20}, []), (FLAT, []), ({}, ["--test"])],
    ids=["a shortened name", "flattened", "a connection test"],
)
def test_a_warning_does_not_say_that_values_are_dropped_if_they_arrive(
    serve, run_tap, options, flags
):
    run = checks.succeeded(run_tap(settings(serve(new_fields=True), **options), *flags))
    assert "brandNew" in run.log
    assert "brandNew" in run.output or flags
    assert "dropped" not in run.log
