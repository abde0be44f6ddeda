"""What must hold of a run, whichever it was."""

import re
from collections import Counter

from jsonschema import Draft202012Validator

from tap_dixa import schemas
from tests import expected
from tests.end_to_end.everything import KEYS, by_key

DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def succeeded(run):
    """A run succeeded: give it."""
    assert run.status == 0, run.log
    assert run.errors == []
    return run


def failed(run):
    """A run failed with one line: give it."""
    assert run.status == 1, run.log
    (line,) = run.errors
    assert "Traceback" not in run.log
    return line


def warnings(run):
    return [line for line in run.log.splitlines() if "WARNING" in line]


def emitted_exactly(run, stream, wanted):
    """Every wanted record, each once, field by field, in cursor order, and nothing else."""
    records = run.records(stream)
    counts = Counter(record["id"] for record in records)
    assert counts == Counter(wanted.keys())
    same(records, wanted)
    cursors = [record[expected.CURSORS[stream]] for record in records]
    assert cursors == sorted(cursors)


def emitted_once(run, stream, wanted):
    """Every wanted row of a stream of the Dixa API, each once, field by field, and nothing else."""
    records = run.records(stream)
    found = by_key(stream, records)
    assert len(found) == len(records)
    assert found == by_key(stream, wanted)
    (schema,) = run.of("SCHEMA", stream)
    assert tuple(schema["key_properties"]) == KEYS[stream]
    fits_its_schema(run, stream)


def same(records, wanted):
    """The newest of each record is the one that is wanted, field by field.

    Where a stream map looks at the records, what Dixa leaves out is null.
    """
    found = {record["id"]: record for record in records}
    if all(schemas.ADDITIONAL in record for record in records):
        found = {key: plain(record) for key, record in found.items()}
        wanted = {key: plain(record) for key, record in wanted.items()}
    assert found == wanted


def plain(record):
    """Give a record without the fields that are null."""
    return {name: value for name, value in record.items() if value is not None}


def loaded(stream, *runs):
    """Give what a target holds of a stream after runs, by id: of each record, the last one."""
    return {record["id"]: record for run in runs for record in run.records(stream)}


def loaded_exactly(stream, wanted, *runs):
    """What a target holds after runs is what is wanted, field by field, and nothing else."""
    same(loaded(stream, *runs).values(), wanted)


def fits_its_schema(run, stream, records=None):
    """A stream's records satisfy its SCHEMA: those of its messages, or those that are given."""
    (schema,) = run.of("SCHEMA", stream)
    records = run.records(stream) if records is None else records
    validator = Draft202012Validator(
        schema["schema"], format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    for record in {structure(record): record for record in records}.values():
        wrong = [error.message[:200] for error in validator.iter_errors(record)]
        wrong += record.keys() - schema["schema"]["properties"].keys()
        assert not wrong, f"{stream}: not as SCHEMA says: {wrong}"


def structure(value):
    """Give the types of a value at any depth: a schema takes all values with the same ones."""
    if isinstance(value, dict):
        return tuple((name, structure(value[name])) for name in sorted(value))
    if isinstance(value, list):
        return frozenset(map(structure, value))
    if isinstance(value, str) and DATE_TIME.fullmatch(value):
        return DATE_TIME
    return type(value)


def bookmark_is_the_newest_emitted(run, stream):
    newest = max(record[expected.CURSORS[stream]] for record in run.records(stream))
    assert run.bookmark(stream) == newest


def requests(sandbox, stream):
    """Give the queries of a stream's requests; none of them may have been refused."""
    path = f"/v1/{stream.removesuffix('s')}_export"
    mine = [(query, status) for asked, query, status in sandbox.answered if asked == path]
    assert {status for _, status in mine} <= {200}
    return [query for query, _ in mine]
