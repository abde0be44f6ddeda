"""Fields that the schema does not have arrive in a column of their own."""

import pytest

from tests import expected
from tests.conftest import DAY, NOON, both_paths_slowly, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import ALL, LISTS, exported
from tests.end_to_end.odd_rows import both_selections, deselected

BRAND_NEW = {"level": 3, "labels": ["a"]}
AT = NOON - 3 * DAY


@both_selections
def test_every_value_arrives_with_one_warning_a_field(account_of, select):
    account = account_of(conversations=200, days=20, new_fields=True, config={"window_days": 7})
    run = checks.succeeded(account.sync(chosen=select(*expected.STREAMS)))
    for stream in expected.STREAMS:
        checks.fits_its_schema(run, stream)
        line = f"{stream}: field brandNew is not in the schema; its values are in additional_prop"
        assert run.log.count(line) == 1
    assert run.log.count("field tags_info[].shade is not in the schema") == 1
    wanted = expected.records(account.data, "conversations")
    for record in wanted.values():
        shades = {f"tags_info.{at}.shade": "dark" for at, _ in enumerate(record["tags_info"])}
        record |= {"additional_properties": {"brandNew": BRAND_NEW, **shades}, "direction": 0}
    found = {r["id"]: {**r, "direction": 0} for r in run.records("conversations")}
    assert {key: checks.plain(r) for key, r in found.items()} == {
        key: checks.plain(r) for key, r in wanted.items()
    }
    messages = run.records("messages")
    assert len(messages) == len(expected.records(account.data, "messages"))
    assert all(record["additional_properties"]["brandNew"] == BRAND_NEW for record in messages)


def test_rows_of_lists_and_the_activity_log_carry_them_too(account_of):
    account = account_of(*ALL, conversations=40, days=6, new_fields=True)
    run = checks.succeeded(account.sync())
    for stream in (*LISTS, "activity_logs"):
        checks.fits_its_schema(run, stream)
        found = [r["additional_properties"]["brandNew"] for r in run.records(stream)]
        assert found == [BRAND_NEW] * len(found) != []


def without_the_column(*streams):
    chosen = deselected(*streams)
    for entry in chosen["streams"]:
        del entry["schema"]["properties"]["additional_properties"]
    return chosen


@pytest.mark.parametrize("select", [deselected, without_the_column], ids=["off", "older"])
def test_without_the_column_they_are_dropped(account_of, select):
    account = account_of(conversations=40, days=6, new_fields=True)
    run = checks.succeeded(account.sync(chosen=select("conversations", "tags")))
    checks.emitted_exactly(run, "conversations", expected.records(account.data, "conversations"))
    assert run.records("tags")
    assert "brandNew" not in run.output


@both_paths_slowly
def test_what_dixas_pages_write_in_two_ways_is_accepted_in_both(account_of, options):
    streams, account = expected.STREAMS, account_of(days=20, documented_forms=True)
    run = checks.succeeded(account.sync(*streams, **options))
    assert checks.warnings(run) == []
    for stream in streams:
        checks.emitted_exactly(run, stream, exported(account.sandbox, stream))
        checks.fits_its_schema(run, stream)
    messages = run.records("messages")
    assert any(message.get("formSubmission") for message in messages)
    files = {file for message in messages for file in message.get("attached_files") or ()}
    beginnings = {file.rpartition("/")[0] for file in files}
    assert beginnings == {"https://files.dixa.io/private", "/private", "/public"}
    ratings = [r for c in run.records("conversations") for r in c.get("ratings") or ()]
    kinds = {(rating["rating_type"], rating["rating_status"]) for rating in ratings}
    assert {("CSAT", "Rated"), ("CSAT", "Offered")} < kinds


FLAT = {"flattening_enabled": True, "flattening_max_depth": 1}


@pytest.mark.parametrize(
    ("options", "flags"),
    [({**FLAT, "flattening_max_key_length": 20}, []), ({}, ["--test"])],
    ids=["flattened to a shortened name", "a connection test"],
)
def test_a_warning_does_not_say_that_values_are_dropped_if_they_arrive(
    serve, run_tap, options, flags
):
    run = checks.succeeded(run_tap(settings(serve(new_fields=True), **options), *flags))
    assert "brandNew" in run.log
    assert "brandNew" in run.output or flags
    assert "dropped" not in run.log
