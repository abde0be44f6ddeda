"""Snowflake and BigQuery without an account: which columns their loaders make of the schemas."""

import json
import subprocess
from collections import defaultdict

import pytest

from tests.end_to_end.loaders import pins
from tests.end_to_end.loaders.formats import kinds
from tests.end_to_end.tables import FIELDS

pytestmark = [pytest.mark.slow, pytest.mark.loaders]

SNOWFLAKE = """
import json, sys
from target_snowflake.connector import SnowflakeConnector
account = {"user": "u", "password": "p", "account": "a", "database": "d"}
column = SnowflakeConnector(config=account).to_sql_type
streams = json.load(sys.stdin)
print(json.dumps({s: {n: str(column(f)) for n, f in streams[s].items()} for s in streams}))
"""
BIGQUERY = """
import json, sys
from target_bigquery.core import SchemaTranslator
streams = json.load(sys.stdin)
translated = lambda fields: SchemaTranslator({"properties": fields}, {}).translated_schema
print(json.dumps({s: {c.name: c.field_type for c in translated(streams[s])} for s in streams}))
"""


def columns(loader, code):
    """Give the types that a loader's columns have, by the type of their field."""
    done = subprocess.run(
        loader.program("python", "-W", "ignore", "-c", code),
        input=json.dumps(FIELDS),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    found, streams = defaultdict(set), json.loads(done.stdout.splitlines()[-1])
    for stream, fields in FIELDS.items():
        assert streams[stream].keys() == fields.keys()
        for name, schema in fields.items():
            (kind,) = kinds(schema) - {"null"}
            found[schema.get("format", kind)].add(streams[stream][name])
    return found


STORED = {
    "string": ({"VARCHAR"}, {"STRING"}),
    "integer": ({"DECIMAL"}, {"INTEGER"}),
    "boolean": ({"BOOLEAN"}, {"BOOLEAN"}),
    "date-time": ({"TIMESTAMP_NTZ"}, {"TIMESTAMP"}),
    "array": ({"VARIANT"}, {"STRING", "RECORD"}),
    "object": ({"VARIANT"}, {"JSON", "RECORD"}),
}


def test_both_have_types_for_every_field():
    snowflake, bigquery = columns(pins.SNOWFLAKE, SNOWFLAKE), columns(pins.BIGQUERY, BIGQUERY)
    assert {kind: (snowflake[kind], bigquery[kind]) for kind in snowflake} == STORED
    assert bigquery.keys() == snowflake.keys()
